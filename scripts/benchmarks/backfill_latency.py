"""How long the application waits while a backfill runs with its defaults: the slowest hundredth of its transactions.

The application sends transactions at a fixed rate, half of what it reaches with the machine to itself, and a time
counts from the moment at which its transaction was due. A loop that sends the next transaction when the last one is
answered would measure how two programs share the processors; a rate shows what a user of the application waits for.
Spells with and without the backfill alternate, so that a disk that gets slower is not taken for the backfill's doing.
"""

from __future__ import annotations

import contextlib
import os
import re
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import TYPE_CHECKING

from measuring import Bar, Bench, Result, connected, durable_server, install

if TYPE_CHECKING:
    from collections.abc import Iterator

    import psycopg

    from sluicegate.pg.embedded import EmbeddedServer

FILE = """
from sluicegate import Backfill

backfill = Backfill(
    revision="0003",
    table="public.documents",
    key="id",
    where="true",
    done="row.short IS NOT NULL",
    apply="UPDATE documents AS row SET short = left(row.body, 8) WHERE {chunk}",
)
"""
SCRIPT = """
\\set id random(1, {rows})
SELECT body FROM documents WHERE id = :id;
UPDATE documents SET body = md5(body) WHERE id = :id;
INSERT INTO visits (document) VALUES (:id);
"""
CLIENTS = 4
SHARE = 0.5
"""The rate, as a share of what the application reaches alone."""
SPELLS = 3
"""Spells of each kind in a round."""
SECONDS = 5
DONE = "SELECT count(*) FROM sluicegate.chunk WHERE state = 'done'"


class Application:
    """pgbench with four clients on a server."""

    def __init__(self, server: EmbeddedServer, script: Path) -> None:
        """Prepare."""
        self._command = [
            *(str(server.binary("pgbench")), "-h", str(server.socket), "-p", str(server.port), "-U", "postgres"),
            *("-n", "-c", str(CLIENTS), "-j", "1", "-f", str(script), "-T", str(SECONDS)),
        ]

    def most(self) -> float:
        """Transactions a second when each client sends as soon as it is answered."""
        ran = subprocess.run([*self._command, "postgres"], check=True, capture_output=True, text=True)
        found = re.search(r"^tps = ([0-9.]+)", ran.stdout, re.MULTILINE)
        if found is None:
            raise SystemExit(f"pgbench says no rate: {ran.stdout}")
        return float(found[1])

    def times(self, rate: float) -> list[float]:
        """Seconds from when each transaction was due to its answer, at so many transactions a second."""
        with tempfile.TemporaryDirectory() as folder:
            command = [*self._command, "-R", f"{rate:.0f}", "-l", "postgres"]
            subprocess.run(command, cwd=folder, check=True, capture_output=True)
            lines = [
                line.split() for log in Path(folder).glob("pgbench_log.*") for line in log.read_text().splitlines()
            ]
        return [int(fields[2]) / 1_000_000 for fields in lines if fields[2].isdigit()]


def slowest(times: list[float], share: float) -> float:
    """The time that no more than a share of the transactions exceed."""
    return sorted(times)[int(len(times) * (1 - share))]


def fresh(connection: psycopg.Connection, rows: int) -> None:
    """Create the tables anew and begin at a checkpoint."""
    connection.execute("DROP TABLE IF EXISTS documents, visits; TRUNCATE sluicegate.backfill CASCADE")
    connection.execute(
        "CREATE TABLE documents AS SELECT n::bigint AS id, repeat(md5(n::text), 4) AS body, NULL::text AS short"
        f" FROM generate_series(1, {rows}) AS n"
    )
    connection.execute("ALTER TABLE documents ADD PRIMARY KEY (id)")
    connection.execute("CREATE TABLE visits (document bigint, at timestamptz DEFAULT now())")
    connection.execute("VACUUM ANALYZE documents")
    connection.execute("CHECKPOINT")


@contextlib.contextmanager
def backfilling(connection: psycopg.Connection, url: str, folder: str) -> Iterator[None]:
    """Have a worker at work on the next chunks, with every setting at its default."""
    [(before,)] = connection.execute(DONE).fetchall()
    worker = subprocess.Popen(
        [sys.executable, "-m", "sluicegate", "backfill", "run", "0003"],
        cwd=folder,
        env={**os.environ, "DATABASE_URL": url},
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    try:
        while connection.execute(DONE).fetchall() <= [(before + 2,)]:
            if worker.poll() is not None:
                raise SystemExit(f"the backfill left with {worker.returncode}: take more rows")
            time.sleep(0.02)
        yield
        if worker.poll() is not None:
            raise SystemExit("the backfill ended before the application did: take more rows")
    finally:
        worker.terminate()
        worker.wait()


def run(rows: int, rounds: int) -> Result:
    """Measure."""
    result = Result("backfill-latency", rows, bars=(Bar("backfill", "idle", 0.83),), unit="1/s")
    with durable_server() as server, connected(server.url()) as connection, tempfile.TemporaryDirectory() as folder:
        (Path(folder) / "backfills").mkdir()
        (Path(folder) / "backfills" / "0003_short.py").write_text(FILE)
        script = Path(folder) / "script.sql"
        script.write_text(SCRIPT.format(rows=rows))
        application = Application(server, script)
        install(connection)
        for _ in range(rounds):
            fresh(connection, rows)
            most = application.most()
            rate = SHARE * most
            idle: list[float] = []
            busy: list[float] = []
            for _spell in range(SPELLS):
                idle += application.times(rate)
                with backfilling(connection, server.url(), folder):
                    busy += application.times(rate)
            for case, times in (("idle", idle), ("backfill", busy)):
                result.rates.setdefault(case, []).append(1 / slowest(times, 0.01))
            row = connection.execute(
                "SELECT avg(extract(epoch FROM finished_at - started_at)) * 1000 FROM sluicegate.chunk"
                " WHERE state = 'done'"
            ).fetchone()
            figures = "; ".join(
                f"slowest {share:.0%} from {slowest(idle, share) * 1000:.2f} ms idle"
                f" and {slowest(busy, share) * 1000:.2f} ms beside the backfill"
                for share in (0.5, 0.05, 0.01)
            )
            result.notes.append(
                f"{rate:,.0f} of {most:,.0f} transactions/s, chunks of {row[0] if row else 0:.0f} ms: {figures}."
            )
    return result


BENCH = Bench("backfill-latency", 2_500_000, run)

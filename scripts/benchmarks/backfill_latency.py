"""How long the application waits while a backfill runs with its defaults: the slowest hundredth of its transactions.

The application sends transactions at a fixed rate, half of what it reaches with the machine to itself, and a time
counts from the moment at which its transaction was due. A loop that sends the next transaction when the last one is
answered would measure how two programs share the processors; a rate shows what a user of the application waits for.
Rounds with and without the backfill alternate, so that a disk that gets slower is not taken for its doing.
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
SPELLS = 1
"""Spells of each kind in a round: dead rows of more would make the throttle hold the backfill."""
SECONDS = 5
FINE = ("--batch-size", "1000", "--sleep", "0.01")
"""The same pace on average in smaller bites, to see what the size of a chunk does."""
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
def backfilling(connection: psycopg.Connection, url: str, folder: str, *pace: str) -> Iterator[None]:
    """Have a worker at work on the next chunks, with every setting at its default but those that are given."""
    [(before,)] = connection.execute(DONE).fetchall()
    patience = time.monotonic() + 30
    worker = subprocess.Popen(
        [sys.executable, "-m", "sluicegate", "backfill", "run", "0003", *pace],
        cwd=folder,
        env={**os.environ, "DATABASE_URL": url},
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    try:
        while connection.execute(DONE).fetchall() <= [(before + 2,)]:
            if worker.poll() is not None:
                raise SystemExit(f"the backfill left with {worker.returncode}: take more rows")
            if time.monotonic() > patience:
                raise SystemExit("the backfill does not go on: sluicegate backfill health says what holds it")
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
            times: dict[str, list[float]] = {"idle": [], "backfill": [], "backfill by 1,000": []}
            for _spell in range(SPELLS):
                times["idle"] += application.times(rate)
                for case, pace in (("backfill", ()), ("backfill by 1,000", FINE)):
                    fresh(connection, rows)  # nothing vacuums here, and dead rows would hold the next one
                    with backfilling(connection, server.url(), folder, *pace):
                        times[case] += application.times(rate)
            for case, found in times.items():
                result.rates.setdefault(case, []).append(1 / slowest(found, 0.01))
            result.notes.append(f"{rate:,.0f} of {most:,.0f} transactions/s")
            for case, found in times.items():
                shares = ", ".join(f"{share:.0%} {slowest(found, share) * 1000:.2f} ms" for share in (0.5, 0.05, 0.01))
                result.notes.append(f"  {case}: the slowest {shares}, from {len(found):,} transactions")
    return result


BENCH = Bench("backfill-latency", 1_500_000, run)

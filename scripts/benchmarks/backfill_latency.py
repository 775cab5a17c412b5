"""How long the application waits while a backfill runs with its defaults: pgbench's slowest hundredth."""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import TYPE_CHECKING

from measuring import Bar, Bench, Result, connected, durable_server, install

if TYPE_CHECKING:
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
SECONDS = 10


def slowest(server: EmbeddedServer, script: Path) -> float:
    """Run pgbench for a while at 200 transactions a second; return the 99th percentile of their times in seconds."""
    with tempfile.TemporaryDirectory() as folder:
        subprocess.run(
            [
                *(str(server.binary("pgbench")), "-h", str(server.socket), "-p", str(server.port), "-U", "postgres"),
                *("-n", "-c", "4", "-j", "1", "-R", "200", "-T", str(SECONDS), "-l", "-f", str(script), "postgres"),
            ],
            cwd=folder,
            check=True,
            capture_output=True,
        )
        times = [
            int(line.split()[2])
            for log in Path(folder).glob("pgbench_log.*")
            for line in log.read_text().splitlines()
            if line.split()[2].isdigit()
        ]
    times.sort()
    return times[int(len(times) * 0.99)] / 1_000_000


def run(rows: int, rounds: int) -> Result:
    """Measure."""
    result = Result("backfill-latency", rows, bars=(Bar("backfill", "idle", 0.83),), unit="transactions/s")
    with durable_server() as server, connected(server.url()) as connection, tempfile.TemporaryDirectory() as folder:
        (Path(folder) / "backfills").mkdir()
        (Path(folder) / "backfills" / "0003_short.py").write_text(FILE)
        script = Path(folder) / "script.sql"
        script.write_text(SCRIPT.format(rows=rows))
        install(connection)
        for _ in range(rounds):
            connection.execute("DROP TABLE IF EXISTS documents, visits; TRUNCATE sluicegate.backfill CASCADE")
            connection.execute(
                "CREATE TABLE documents AS SELECT n::bigint AS id, repeat(md5(n::text), 4) AS body, NULL::text AS short"
                f" FROM generate_series(1, {rows}) AS n"
            )
            connection.execute("ALTER TABLE documents ADD PRIMARY KEY (id)")
            connection.execute("CREATE TABLE visits (document bigint, at timestamptz DEFAULT now())")
            connection.execute("VACUUM ANALYZE documents")
            connection.execute("CHECKPOINT")
            idle = slowest(server, script)
            worker = subprocess.Popen(
                [sys.executable, "-m", "sluicegate", "backfill", "run", "0003"],
                cwd=folder,
                env={**os.environ, "DATABASE_URL": server.url()},
                stdout=subprocess.DEVNULL,
                stderr=subprocess.DEVNULL,
            )
            try:
                while connection.execute("SELECT count(*) FROM sluicegate.chunk WHERE state = 'done'").fetchone() == (
                    0,
                ):
                    if worker.poll() is not None:
                        raise SystemExit(f"the backfill left with {worker.returncode}")
                    time.sleep(0.02)
                busy = slowest(server, script)
                if worker.poll() is not None:
                    result.notes.append(f"The backfill ended within the {SECONDS} s: take more rows.")
            finally:
                worker.terminate()
                worker.wait()
            result.rates.setdefault("idle", []).append(1 / idle)
            result.rates.setdefault("backfill", []).append(1 / busy)
            result.notes.append(
                f"99th percentile: {idle * 1000:.1f} ms idle, {busy * 1000:.1f} ms beside the backfill."
            )
    return result


BENCH = Bench("backfill-latency", 1_500_000, run)

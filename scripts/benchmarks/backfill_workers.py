"""Two workers against one: processes of the command line on the same backfill, timed by the ledger."""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
from pathlib import Path

from measuring import Bar, Bench, Result, connected, durable_server, install

FILE = """
from sluicegate import Backfill

backfill = Backfill(
    revision="0003",
    table="public.documents",
    key="id",
    where="true",
    done="EXISTS (SELECT 1 FROM digests AS d WHERE d.id = row.id)",
    apply="INSERT INTO digests SELECT row.id, sha512(row.body::bytea) FROM {chunk} AS row",
)
"""

SHARED = """
    WITH begun AS (
        SELECT max(first) AS at FROM (SELECT min(started_at) AS first FROM sluicegate.chunk GROUP BY epoch) AS workers
    )
    SELECT sum(rows) / extract(epoch FROM max(finished_at) - min(begun.at)), count(DISTINCT epoch)
    FROM sluicegate.chunk, begun
    WHERE started_at >= begun.at
"""
"""Rows a second from the moment that the last of the workers began to write, and how many workers wrote."""


def run(rows: int, rounds: int) -> Result:
    """Measure."""
    result = Result("backfill-workers", rows, bars=(Bar("two workers", "one worker", 1.3),))
    with durable_server() as server, connected(server.url()) as connection, tempfile.TemporaryDirectory() as folder:
        (Path(folder) / "backfills").mkdir()
        (Path(folder) / "backfills" / "0003_digests.py").write_text(FILE)
        install(connection)
        connection.execute(
            "CREATE TABLE documents AS SELECT n::bigint AS id, repeat(md5(n::text), 16) AS body"
            f" FROM generate_series(1, {rows}) AS n"
        )
        connection.execute("ALTER TABLE documents ADD PRIMARY KEY (id)")
        connection.execute("VACUUM ANALYZE documents")
        command = [sys.executable, "-m", "sluicegate", "backfill", "run", "0003", "--sleep", "0"]
        for _ in range(rounds):
            for case, count in (("one worker", 1), ("two workers", 2)):
                connection.execute("DROP TABLE IF EXISTS digests; TRUNCATE sluicegate.backfill CASCADE")
                connection.execute("CREATE TABLE digests (id bigint PRIMARY KEY, digest bytea NOT NULL)")
                connection.execute("CHECKPOINT")
                workers = [
                    subprocess.Popen(
                        command,
                        cwd=folder,
                        env={**os.environ, "DATABASE_URL": server.url()},
                        stdout=subprocess.DEVNULL,
                        stderr=subprocess.PIPE,
                        text=True,
                    )
                    for _worker in range(count)
                ]
                for worker in workers:
                    _out, said = worker.communicate()
                    if worker.returncode:
                        raise SystemExit(f"a worker left with {worker.returncode}: {said}")
                row = connection.execute(SHARED).fetchone()
                if row is None or row[1] != count:
                    raise SystemExit(f"{count} workers were started and {row and row[1]} wrote: too few rows")
                result.rates.setdefault(case, []).append(float(row[0]))
    return result


BENCH = Bench("backfill-workers", 600_000, run)

"""What the engine adds to each chunk: plan, claim, fence, ledger, mark."""

from __future__ import annotations

import statistics

from measuring import Bar, Bench, Result, around, connected, durable_server, install, loaded, timed

from sluicegate import Backfill
from sluicegate.backfill import engine
from sluicegate.backfill.engine import Pace

DEFINITION = Backfill(
    revision="0003",
    table="public.documents",
    key="id",
    where="true",
    done="false",
    apply="SELECT row.id FROM {chunk} AS row",
)
BARE = "SELECT row.id FROM (SELECT row.* FROM documents AS row WHERE row.id > %s AND row.id <= %s) AS row"


def run(rows: int, rounds: int) -> Result:
    """Measure chunks of one row, so that nothing but the overhead is left."""
    result = Result("backfill-overhead", rows, bars=(Bar("a chunk", "5 ms each", 1.0),), unit="chunks/s")
    with durable_server() as server, connected(server.url()) as connection:
        install(connection)
        # Keys with gaps, so that the ends of chunks are walked to and not counted.
        connection.execute(f"CREATE TABLE documents AS SELECT n * 7 AS id FROM generate_series(1, {rows}) AS n")
        connection.execute("ALTER TABLE documents ADD PRIMARY KEY (id)")
        connection.execute("VACUUM ANALYZE documents")

        def bare() -> None:
            for key in range(0, rows * 7, 7):
                connection.execute(BARE, (key, key + 7))

        for _ in range(rounds):
            connection.execute("TRUNCATE sluicegate.backfill CASCADE")
            timed(
                result, "a chunk", rows, lambda: engine.run(loaded(DEFINITION), server.url(), Pace(1, 0, 60), around())
            )
            timed(result, "the bare statement", rows, bare)
            result.rates.setdefault("5 ms each", []).append(200.0)
    milliseconds = 1000 / statistics.median(result.rates["a chunk"])
    statement = 1000 / statistics.median(result.rates["the bare statement"])
    result.notes.append(
        f"A chunk of one row takes {milliseconds:.2f} ms, its bare statement {statement:.2f} ms: the engine adds "
        f"{milliseconds - statement:.2f} ms."
    )
    return result


BENCH = Bench("backfill-overhead", 5_000, run)

"""A chunked UPDATE of the base table against one UPDATE of all of it and against the loops that people write."""

from __future__ import annotations

from typing import TYPE_CHECKING

from measuring import Bar, Bench, Result, Stopwatch, around, connected, durable_server, install, loaded, timed

from sluicegate import Backfill
from sluicegate.backfill import engine
from sluicegate.backfill.engine import Pace

if TYPE_CHECKING:
    import psycopg

BATCH = 10_000


def definition(apply: str) -> Backfill:
    """The same work in the author's words."""
    return Backfill(
        revision="0003",
        table="public.documents",
        key="id",
        where="true",
        done="row.short IS NOT NULL",
        apply=apply,
    )


BY_CONDITION = definition("UPDATE documents AS row SET short = left(row.body, 8) WHERE {chunk}")
BY_JOIN = definition("UPDATE documents AS d SET short = left(row.body, 8) FROM {chunk} AS row WHERE d.id = row.id")
ONE = "UPDATE documents SET short = left(body, 8) WHERE short IS NULL"
NEXT = """
    WITH batch AS (
        SELECT id FROM documents WHERE id > %(last)s ORDER BY id LIMIT %(size)s FOR NO KEY UPDATE
    ), changed AS (
        UPDATE documents AS d SET short = left(body, 8) FROM batch WHERE d.id = batch.id RETURNING d.id
    )
    SELECT max(id) FROM changed
"""
"""The statement that pgroll runs for each batch, as far as its shape goes."""
UNSET = "UPDATE documents SET short = left(body, 8) WHERE id IN (SELECT id FROM documents WHERE short IS NULL LIMIT %s)"


def fresh(connection: psycopg.Connection, rows: int, *, analysed: bool) -> None:
    """Create the table anew and begin at a checkpoint."""
    connection.execute("DROP TABLE IF EXISTS documents; TRUNCATE sluicegate.backfill CASCADE")
    connection.execute(
        "CREATE TABLE documents AS SELECT n::bigint AS id, repeat(md5(n::text), 4) AS body, NULL::text AS short"
        f" FROM generate_series(1, {rows}) AS n"
    )
    connection.execute("ALTER TABLE documents ADD PRIMARY KEY (id)")
    if analysed:
        connection.execute("VACUUM ANALYZE documents")
    connection.execute("CHECKPOINT")


def by_cursor(connection: psycopg.Connection) -> None:
    """Walk by the last key, joining each batch with the table."""
    last = 0
    while (row := connection.execute(NEXT, {"last": last, "size": BATCH}).fetchone()) and row[0] is not None:
        last = row[0]


def by_null(connection: psycopg.Connection) -> None:
    """Take any rows that lack it until there are none."""
    while connection.execute(UNSET, (BATCH,)).rowcount:
        pass


def run(rows: int, rounds: int) -> Result:
    """Measure."""
    result = Result(
        "backfill-in-place",
        rows,
        bars=(
            Bar("chunked", "one statement", 0.95),
            Bar("chunked", "CTE and join", 1.0),
            Bar("chunked", "IS NULL LIMIT loop", 1.5),
            Bar("chunked, never analysed", "CTE and join, never analysed", 1.5),
            Bar("chunked: last tenth", "chunked: first tenth", 0.9),
            Bar("chunked, never analysed: last tenth", "chunked, never analysed: first tenth", 0.9),
        ),
        notes=["Tenths are of the chunks in one run; the loops commit each batch, with synchronous_commit on."],
    )
    with durable_server() as server, connected(server.url()) as connection:
        install(connection)

        def chunked(case: str, apply: Backfill) -> None:
            watch = Stopwatch()
            timed(
                result, case, rows, lambda: engine.run(loaded(apply), server.url(), Pace(BATCH, 0, 60), around(watch))
            )
            first, last = watch.tenths()
            result.rates.setdefault(f"{case}: first tenth", []).append(first)
            result.rates.setdefault(f"{case}: last tenth", []).append(last)

        for _ in range(rounds):
            fresh(connection, rows, analysed=True)
            timed(result, "one statement", rows, lambda: connection.execute(ONE))
            for case, apply in (("chunked", BY_CONDITION), ("chunked by a join", BY_JOIN)):
                fresh(connection, rows, analysed=True)
                chunked(case, apply)
            for case, loop in (("CTE and join", by_cursor), ("IS NULL LIMIT loop", by_null)):
                fresh(connection, rows, analysed=True)
                timed(result, case, rows, lambda loop=loop: loop(connection))
            fresh(connection, rows, analysed=False)
            chunked("chunked, never analysed", BY_CONDITION)
            fresh(connection, rows, analysed=False)
            timed(result, "CTE and join, never analysed", rows, lambda: by_cursor(connection))
    return result


BENCH = Bench("backfill-in-place", 1_000_000, run)

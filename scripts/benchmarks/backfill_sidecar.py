"""A backfill that a sidecar table tracks, key by key, against the same work by statements of the whole table."""

from __future__ import annotations

from typing import TYPE_CHECKING

from measuring import Bar, Bench, Result, around, connected, durable_server, install, loaded, timed

from sluicegate import Backfill, Sidecar
from sluicegate.backfill import engine
from sluicegate.backfill.engine import Pace

if TYPE_CHECKING:
    import psycopg

DEFINITION = Backfill(
    revision="0003",
    table="public.events",
    key="id",
    where="payload_text <> ''",
    done="EXISTS (SELECT 1 FROM digests AS d WHERE d.event_id = row.id)",
    apply="INSERT INTO digests (event_id, digest) SELECT row.id, left(row.payload_text, 16) FROM {chunk} AS row",
    tracking=Sidecar(table="public.event_state", key="event_id"),
)
BATCH = 10_000
UNTRACKED = (
    "INSERT INTO digests (event_id, digest) SELECT id, left(payload_text, 16) FROM events WHERE payload_text <> ''"
)
LISTED = (
    "INSERT INTO event_state (event_id, state, attempts, updated_at)"
    " SELECT id, 'pending', 0, now() FROM events WHERE payload_text <> ''"
)
TRACKED = (
    LISTED,
    UNTRACKED,
    "UPDATE event_state SET state = 'done', attempts = attempts + 1, updated_at = now() WHERE state = 'pending'",
)
"""What a sidecar records of each row, by three statements of the whole table: pending, the work, done."""


def fresh(connection: psycopg.Connection) -> None:
    """Empty what a case fills, and begin at a checkpoint."""
    connection.execute("DROP TABLE IF EXISTS digests, event_state; TRUNCATE sluicegate.backfill CASCADE")
    connection.execute("CREATE TABLE digests (event_id bigint PRIMARY KEY, digest text NOT NULL)")
    connection.execute(
        "CREATE TABLE event_state (event_id bigint PRIMARY KEY, state text NOT NULL, attempts integer NOT NULL,"
        " reason text, updated_at timestamptz NOT NULL, source_hash text)"
    )
    connection.execute("CREATE INDEX ON event_state (event_id) WHERE state = 'pending'")
    connection.execute("CHECKPOINT")


def whole(connection: psycopg.Connection) -> None:
    """Do the tracked work in one transaction."""
    with connection.transaction():
        for statement in TRACKED:
            connection.execute(statement)


def run(rows: int, rounds: int) -> Result:
    """Measure."""
    result = Result(
        "backfill-sidecar",
        rows,
        bars=(Bar("chunked", "tracked, whole table", 0.75),),
        notes=["One INSERT … SELECT writes a row once; a sidecar writes three for it: the work, pending, and done."],
    )
    with durable_server() as server, connected(server.url()) as connection:
        install(connection)
        connection.execute(
            "CREATE TABLE events (id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY, payload_text text NOT NULL)"
        )
        connection.execute(
            "INSERT INTO events (payload_text) SELECT repeat(md5(n::text), 4) FROM generate_series(1, %s) AS n", (rows,)
        )
        connection.execute("VACUUM ANALYZE events")
        for _ in range(rounds):
            fresh(connection)
            timed(result, "one INSERT … SELECT, untracked", rows, lambda: connection.execute(UNTRACKED))
            fresh(connection)
            timed(result, "tracked, whole table", rows, lambda: whole(connection))
            fresh(connection)
            timed(
                result,
                "chunked",
                rows,
                lambda: engine.run(loaded(DEFINITION), server.url(), Pace(BATCH, 0, 60), around()),
            )
            written = connection.execute(
                "SELECT (SELECT count(*) FROM digests), (SELECT count(*) FROM event_state WHERE state = 'done')"
            ).fetchone()
            if written != (rows, rows):
                raise SystemExit(f"the chunked backfill wrote and marked {written} of {rows} rows")
    return result


BENCH = Bench("backfill-sidecar", 1_000_000, run)

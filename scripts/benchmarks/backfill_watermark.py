"""The chunked watermark backfill, ledger and all, against one INSERT … SELECT and against a loop written by hand."""

from __future__ import annotations

from typing import TYPE_CHECKING

from measuring import Bar, Bench, Result, around, connected, durable_server, install, loaded, timed

from sluicegate import Backfill, HighWatermark
from sluicegate.backfill import engine
from sluicegate.backfill.engine import Pace

if TYPE_CHECKING:
    import psycopg

DEFINITION = Backfill(
    revision="0003",
    table="public.events",
    key="id",
    where="payload_text <> ''",
    done="EXISTS (SELECT 1 FROM event_status AS s WHERE s.event_id = row.id)",
    apply="INSERT INTO event_status (event_id, state) SELECT row.id, 'pending' FROM {chunk} AS row",
    tracking=HighWatermark(),
)
BATCH = 10_000
SINGLE = "INSERT INTO event_status SELECT id, 'pending' FROM events WHERE payload_text <> ''"


def prepare(connection: psycopg.Connection, rows: int) -> None:
    """Create the state schema, and the tables with statistics and visibility map, as in a database in use."""
    install(connection)
    connection.execute(
        "CREATE TABLE events (id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY, organization_id bigint NOT NULL,"
        " payload_text text NOT NULL, created_at timestamptz NOT NULL DEFAULT now())"
    )
    connection.execute(
        "INSERT INTO events (organization_id, payload_text) SELECT n %% 100, repeat(md5(n::text), 4)"
        " FROM generate_series(1, %s) AS n",
        (rows,),
    )
    connection.execute("CREATE INDEX ON events (organization_id)")
    connection.execute("VACUUM ANALYZE events")


def fresh(connection: psycopg.Connection) -> None:
    """Empty what a case fills, and begin at a checkpoint."""
    connection.execute("DROP TABLE IF EXISTS event_status, flagged")
    connection.execute("CREATE TABLE event_status (event_id bigint PRIMARY KEY, state text NOT NULL)")
    connection.execute("TRUNCATE sluicegate.backfill CASCADE")
    connection.execute("CHECKPOINT")


def by_hand(connection: psycopg.Connection) -> None:
    """Update a flag in batches until no row is left, as scripts do."""
    while connection.execute(
        "UPDATE flagged SET flag = true WHERE id IN (SELECT id FROM flagged WHERE flag IS NULL LIMIT %s)", (BATCH,)
    ).rowcount:
        pass


def run(rows: int, rounds: int) -> Result:
    """Measure."""
    result = Result(
        "backfill-watermark",
        rows,
        bars=(Bar("chunked", "one statement", 0.75), Bar("chunked", "loop by hand", 4.0)),
        notes=["The loop by hand updates a nullable flag in the base table; the other two insert into a sidecar."],
    )
    backfill = loaded(DEFINITION)
    with durable_server() as server, connected(server.url()) as connection:
        prepare(connection, rows)
        for _ in range(rounds):
            fresh(connection)
            timed(result, "one statement", rows, lambda: connection.execute(SINGLE))
            fresh(connection)
            timed(result, "chunked", rows, lambda: engine.run(backfill, server.url(), Pace(BATCH, 0, 60), around()))
            [written] = connection.execute("SELECT count(DISTINCT event_id) FROM event_status").fetchone() or (0,)
            if written != rows:
                raise SystemExit(f"the chunked backfill wrote {written} of {rows} rows")
            fresh(connection)
            connection.execute("CREATE TABLE flagged AS SELECT *, NULL::boolean AS flag FROM events")
            connection.execute("ALTER TABLE flagged ADD PRIMARY KEY (id)")
            connection.execute("CREATE INDEX ON flagged (organization_id)")
            connection.execute("VACUUM ANALYZE flagged")
            connection.execute("CHECKPOINT")
            timed(result, "loop by hand", rows, lambda: by_hand(connection))
    return result


BENCH = Bench("backfill-watermark", 1_000_000, run)

"""What finding later rows costs: a tick on a table and on one ten times as large, against the anti-join over it.

A tick's time is for the most part its own: connections, the ledger, the commits that wait for the disk. What it costs
the database is told by the database: the time that statements ran and the pages that they touched
(``pg_stat_database``).
"""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

from measuring import Bar, Bench, Result, around, connected, durable_server, install, loaded

from sluicegate import Backfill
from sluicegate.backfill import engine
from sluicegate.backfill.engine import Pace
from sluicegate.verify import proof
from sluicegate.verify.tick import tick

if TYPE_CHECKING:
    from collections.abc import Callable

    import psycopg

DEFINITION = Backfill(
    revision="0003",
    table="public.events",
    key="id",
    where="payload_text <> ''",
    done="EXISTS (SELECT 1 FROM event_status AS s WHERE s.event_id = row.id)",
    apply="INSERT INTO event_status (event_id, state) SELECT row.id, 'pending' FROM {chunk} AS row",
)
ANTI_JOIN = """
    SELECT count(*) FROM events AS e LEFT JOIN event_status AS s ON s.event_id = e.id
    WHERE s.event_id IS NULL AND payload_text <> ''
"""
LATE = 1_000
REPEATS = 5
WINDOW = 10_000
"""Keys below the floor that are looked at again: TICK_WINDOW's default."""
COSTS = "SELECT active_time, blks_hit + blks_read FROM pg_stat_database WHERE datname = 'postgres'"


class Ledger:
    """What the server says statements in the benched database have cost, read from another database."""

    def __init__(self, connection: psycopg.Connection, bench: psycopg.Connection) -> None:
        """Keep a connection to another database, and the one whose own statements must be in the figures before."""
        self._connection, self._bench = connection, bench

    def read(self) -> tuple[float, int]:
        """Milliseconds and pages so far, once every other session has ended and reported."""
        others = "SELECT count(*) FROM pg_stat_activity WHERE datname = 'postgres' AND pid <> %s"
        while self._connection.execute(others, (self._bench.info.backend_pid,)).fetchone() != (0,):
            time.sleep(0.01)
        self._bench.execute("SELECT pg_stat_force_next_flush()")
        self._bench.execute("SELECT 1")
        row = self._connection.execute(COSTS).fetchone()
        if row is None:
            raise SystemExit("the server keeps no statistics of its databases")
        return float(row[0]), int(row[1])


def fill(connection: psycopg.Connection, url: str, rows: int, pace: Pace) -> None:
    """Create the tables anew, work all rows off, and prove it."""
    connection.execute("DROP TABLE IF EXISTS events, event_status; TRUNCATE sluicegate.backfill CASCADE")
    connection.execute(
        "CREATE TABLE events (id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY, payload_text text NOT NULL)"
    )
    connection.execute("CREATE TABLE event_status (event_id bigint PRIMARY KEY, state text NOT NULL)")
    connection.execute(
        "INSERT INTO events (payload_text) SELECT repeat(md5(n::text), 4) FROM generate_series(1, %s) AS n", (rows,)
    )
    connection.execute("VACUUM ANALYZE events")
    engine.run(loaded(DEFINITION), url, pace, around())
    connection.execute("VACUUM ANALYZE event_status")
    if not proof.verify(loaded(DEFINITION), url, pace, around()).verified:
        raise SystemExit("the backfill could not be verified")


def run(rows: int, rounds: int) -> Result:
    """Measure."""
    large, small = f"tick on {rows:,} rows", f"tick on {rows // 10:,} rows"
    result = Result(
        "backfill-tick",
        rows,
        bars=(
            Bar(f"{large}: its statements", f"{small}: its statements", 0.67),
            # The anti-join grows with the table and a tick does not: 500 at 11.5 million rows is 50 at 1.15 million.
            Bar(f"{large}: its statements", f"anti-join of {rows:,} rows: its statements", 500 * rows / 11_500_000),
            Bar(large, small, 0.67),
        ),
        unit="looks/s",
    )
    pace = Pace(10_000, 0, 60)
    with durable_server() as server, connected(server.url()) as connection:
        install(connection)
        connection.execute("CREATE DATABASE beside")

        def late(count: int) -> None:
            connection.execute("INSERT INTO events (payload_text) SELECT 'late' FROM generate_series(1, %s)", (count,))

        def look() -> None:
            found = tick(loaded(DEFINITION), server.url(), pace, around(), window=WINDOW)
            if found.left:
                raise SystemExit(f"a tick left {found.left} rows")

        def anti_join() -> None:
            with connected(server.url()) as other:
                other.execute(ANTI_JOIN)

        def timed(case: str, work: Callable[[], None], ledger: Ledger, count: int) -> None:
            seconds = milliseconds = 0.0
            pages = 0
            for _ in range(REPEATS):
                late(count)
                (time_before, pages_before), began = ledger.read(), time.perf_counter()
                work()
                seconds += time.perf_counter() - began
                time_after, pages_after = ledger.read()
                milliseconds += time_after - time_before
                pages += pages_after - pages_before
            result.rates.setdefault(case, []).append(REPEATS / seconds)
            result.rates.setdefault(f"{case}: its statements", []).append(1000 * REPEATS / milliseconds)
            result.notes.append(
                f"{case}, {count:,} new rows: {1000 * seconds / REPEATS:.1f} ms, of which its statements ran"
                f" {milliseconds / REPEATS:.2f} ms and touched {pages / REPEATS:,.0f} pages."
            )

        with connected(server.url("beside")) as reader:
            ledger = Ledger(reader, connection)
            for _ in range(rounds):
                for case, size in ((small, rows // 10), (large, rows)):
                    fill(connection, server.url(), size, pace)
                    timed(case, look, ledger, 0)
                    timed(f"{case} that takes up {LATE:,} more", look, ledger, LATE)
                timed(f"anti-join of {rows:,} rows", anti_join, ledger, 0)
    return result


BENCH = Bench("backfill-tick", 1_000_000, run)

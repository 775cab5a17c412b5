"""What finding later rows costs: a tick on a table and on one ten times as large, against the anti-join over it."""

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


def run(rows: int, rounds: int) -> Result:
    """Measure."""
    large, small = f"tick on {rows:,} rows", f"tick on {rows // 10:,} rows"
    result = Result(
        "backfill-tick",
        rows,
        bars=(Bar(large, small, 0.7), Bar(large, "anti-join", 2.0)),
        notes=[f"{LATE:,} rows come in before each tick; the anti-join only counts them."],
        unit="looks/s",
    )
    with durable_server() as server, connected(server.url()) as connection:
        install(connection)
        pace = Pace(10_000, 0, 60)

        def look() -> None:
            found = tick(loaded(DEFINITION), server.url(), pace, around(), window=10_000)
            if found.left:
                raise SystemExit(f"a tick left {found.left} rows")

        def timed(case: str, work: Callable[[], object]) -> None:
            seconds = 0.0
            for _ in range(REPEATS):
                connection.execute(
                    "INSERT INTO events (payload_text) SELECT 'late' FROM generate_series(1, %s)", (LATE,)
                )
                began = time.perf_counter()
                work()
                seconds += time.perf_counter() - began
            result.rates.setdefault(case, []).append(REPEATS / seconds)

        for _ in range(rounds):
            for case, size in ((small, rows // 10), (large, rows)):
                connection.execute("DROP TABLE IF EXISTS events, event_status; TRUNCATE sluicegate.backfill CASCADE")
                connection.execute(
                    "CREATE TABLE events (id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,"
                    " payload_text text NOT NULL)"
                )
                connection.execute("CREATE TABLE event_status (event_id bigint PRIMARY KEY, state text NOT NULL)")
                connection.execute(
                    "INSERT INTO events (payload_text) SELECT repeat(md5(n::text), 4) FROM generate_series(1, %s) AS n",
                    (size,),
                )
                connection.execute("VACUUM ANALYZE events")
                engine.run(loaded(DEFINITION), server.url(), pace, around())
                connection.execute("VACUUM ANALYZE event_status")
                if not proof.verify(loaded(DEFINITION), server.url(), pace, around()).verified:
                    raise SystemExit("the backfill could not be verified")
                timed(case, look)
            timed("anti-join", lambda: connection.execute(ANTI_JOIN).fetchone())
    return result


BENCH = Bench("backfill-tick", 1_000_000, run)

"""Events as production has them: append-only, most with an embedding, a few without."""

from __future__ import annotations

import statistics
import time
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator

    import psycopg

# One event in 46 waits for its embedding, as in the incident (25,000 of 1.15 million), and one in 500 has no text
# and is owed none.
LOAD_ORGANIZATIONS = "INSERT INTO organizations (name) SELECT 'organization ' || n FROM generate_series(1, 50) AS n"
LOAD_EVENTS = """
    INSERT INTO events (organization_id, payload_text, created_at)
    SELECT mod(n, 50) + 1,
           CASE WHEN mod(n, 500) = 0 THEN '' ELSE 'event ' || n || ' ' || repeat(md5(n::text), 4) END,
           timestamptz '2026-01-01' + n * interval '1 second'
    FROM generate_series(1, %s) AS n
"""
LOAD_EMBEDDINGS = """
    INSERT INTO event_embeddings (event_id, embedding)
    SELECT events.id, sample.embedding
    FROM events
    JOIN (
        SELECT phase, array_agg(sin(dimension * phase)::real ORDER BY dimension)::vector(1536) AS embedding
        FROM generate_series(1, 1536) AS dimension, generate_series(1, 16) AS phase
        GROUP BY phase
    ) AS sample ON sample.phase = mod(events.id, 16) + 1
    WHERE events.payload_text <> '' AND mod(events.id, 46) <> 0 AND events.id > %s AND events.id <= %s
"""
SLICE = 10_000  # events whose embeddings are loaded at once: one look at the progress bar

PENDING_BY_ANTI_JOIN = """
    SELECT events.id
    FROM events
    LEFT JOIN event_embeddings ON event_embeddings.event_id = events.id
    WHERE events.payload_text <> '' AND event_embeddings.event_id IS NULL
"""
PENDING_BY_SIDECAR = "SELECT event_id FROM event_embedding_status WHERE state = 'pending'"


def load(connection: psycopg.Connection, rows: int) -> Iterator[int]:
    """Fill organizations, events and event_embeddings, and let the planner know; yield how many events are complete."""
    with connection.transaction():
        connection.execute("TRUNCATE organizations, events, event_embeddings, event_embedding_status RESTART IDENTITY")
        connection.execute(LOAD_ORGANIZATIONS)
        connection.execute(LOAD_EVENTS, (rows,))
        for start in range(0, rows, SLICE):
            connection.execute(LOAD_EMBEDDINGS, (start, start + SLICE))
            yield min(start + SLICE, rows)
    connection.execute("VACUUM (ANALYZE) events, event_embeddings")


def measure(connection: psycopg.Connection, query: str, times: int = 5) -> tuple[int, float]:
    """Return how many rows a query gives and its median time in milliseconds, the first run not counted."""
    connection.execute("VACUUM (ANALYZE) event_embedding_status")
    found, durations = 0, []
    for _ in range(times + 1):
        started = time.perf_counter()
        found = len(connection.execute(query).fetchall())
        durations.append((time.perf_counter() - started) * 1000)
    return found, statistics.median(durations[1:])

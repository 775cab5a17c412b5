"""Judge the result with SQL that shares nothing with the program: rows, applications, ledger."""

from __future__ import annotations

from typing import TYPE_CHECKING

import psycopg

if TYPE_CHECKING:
    from collections.abc import Iterator

QUESTIONS = {
    "owed rows that are missing": """
        SELECT count(*) FROM events e
        WHERE payload <> '' AND NOT EXISTS (SELECT 1 FROM status s WHERE s.event_id = e.id)
    """,
    "rows applied twice": "SELECT count(*) FROM (SELECT FROM status GROUP BY event_id HAVING count(*) > 1) AS twice",
    "events of which the counter and the results disagree": """
        SELECT count(*) FROM events e
        WHERE applied <> (SELECT count(*) FROM status s WHERE s.event_id = e.id)
    """,
    "rows in the ledger less rows written": """
        SELECT (SELECT coalesce(sum(rows), 0) FROM sluicegate.chunk WHERE state = 'done')
               - (SELECT count(*) FROM status)
    """,
    "rows_written less rows written": """
        SELECT (SELECT rows_written FROM sluicegate.backfill) - (SELECT count(*) FROM status)
    """,
    "chunks that are not done": "SELECT count(*) FROM sluicegate.chunk WHERE state <> 'done'",
    "gaps or overlaps between ranges": """
        SELECT count(*)
        FROM (
            SELECT lo, lag(hi) OVER (ORDER BY seq, part) AS before, row_number() OVER (ORDER BY seq, part) AS position
            FROM sluicegate.chunk WHERE kind = 'range'
        ) AS ranges
        WHERE CASE WHEN position = 1 THEN lo IS NOT NULL ELSE lo IS DISTINCT FROM before END
    """,
    "ranges that end at or before their start": """
        SELECT count(*) FROM sluicegate.chunk WHERE lo[1]::bigint >= hi[1]::bigint
    """,
    "ends of the plan that are not the mark and the upper bound": """
        SELECT count(*)
        FROM sluicegate.backfill AS b
        CROSS JOIN LATERAL (
            SELECT hi FROM sluicegate.chunk WHERE kind = 'range' ORDER BY seq DESC, part DESC LIMIT 1
        ) AS last
        WHERE b.mark IS DISTINCT FROM last.hi OR b.upper_bound IS DISTINCT FROM last.hi
    """,
    "parked rows": "SELECT count(*) FROM sluicegate.parked",
    "workers that are still registered and alive": """
        SELECT count(*) FROM sluicegate.lease WHERE expires_at > clock_timestamp()
    """,
    "backfills that are not verified": "SELECT count(*) FROM sluicegate.backfill WHERE verified_at IS NULL",
}
"""What must be zero → how to count it."""


def judge(url: str) -> Iterator[tuple[str, int]]:
    """Yield each question with its count."""
    with psycopg.connect(url) as connection:
        for question, query in QUESTIONS.items():
            row = connection.execute(query.encode()).fetchone()
            yield question, int(row[0]) if row else -1

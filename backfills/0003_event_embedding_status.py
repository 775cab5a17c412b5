"""Write down for each event that owes an embedding whether it has one."""

from __future__ import annotations

from sluicegate import Backfill, HighWatermark

backfill = Backfill(
    revision="0003",
    table="public.events",
    key="id",
    where="payload_text <> ''",
    done="EXISTS (SELECT 1 FROM event_embedding_status AS status WHERE status.event_id = row.id)",
    apply="""
        INSERT INTO event_embedding_status (event_id, state)
        SELECT row.id, CASE WHEN embedded.event_id IS NULL THEN 'pending' ELSE 'done' END
        FROM {chunk} AS row
        LEFT JOIN event_embeddings AS embedded ON embedded.event_id = row.id
    """,
    tracking=HighWatermark(),
    batch_size=10_000,
    sleep=0.1,
)

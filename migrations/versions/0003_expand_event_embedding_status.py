"""Create the sidecar that says of each event whether its embedding is there.

``events`` is append-only, so the status does not become a column of it. The sidecar is small, and finding pending
events costs the number of pending events, however large ``events`` grows.

There is no foreign key yet: while the backfill fills the table, each insert would lock its parent row and write the
parent's header again. Revision 0004 adds it, unvalidated first, when the backfill is proved complete.
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Create the sidecar; its backfill is backfills/0003_event_embedding_status.py."""
    op.create_table(
        "event_embedding_status",
        sa.Column("event_id", sa.BigInteger, primary_key=True, autoincrement=False),
        sa.Column("state", sa.Text, nullable=False),
        sa.Column("attempts", sa.Integer, server_default="0", nullable=False),
        sa.Column("reason", sa.Text),
        sa.Column("updated_at", sa.TIMESTAMP(timezone=True), server_default=sa.func.now(), nullable=False),
        sa.CheckConstraint("state IN ('pending', 'done', 'failed')", name="event_embedding_status_state_check"),
    )


def downgrade() -> None:
    """Drop the sidecar; what it says can be computed again from events and event_embeddings."""
    op.drop_table("event_embedding_status")

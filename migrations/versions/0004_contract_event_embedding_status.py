"""Make the sidecar part of the schema: index its pending rows and tie it to events.

The revision stays shut until backfill 0003 is verified. Each step commits on its own and can be run again after a
failure in the middle.
"""

from __future__ import annotations

from alembic import op

revision = "0004"
down_revision = "0003"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Check the gate, build the partial index, add the foreign key and validate it."""
    op.require_backfill("0003")
    with op.get_context().autocommit_block():
        # A build that was cut short leaves an invalid index of this name; IF NOT EXISTS on the build would keep it.
        op.execute("DROP INDEX CONCURRENTLY IF EXISTS ix_event_embedding_status_pending")
        op.create_index(
            "ix_event_embedding_status_pending",
            "event_embedding_status",
            ["event_id"],
            postgresql_where="state = 'pending'",
            postgresql_concurrently=True,
        )
    # Adding a foreign key stops writes on both tables for a moment; behind a long transaction it gives up instead of
    # letting every writer of events queue behind it. SET, not SET LOCAL: it must outlive the next commit.
    op.execute("SET lock_timeout = '2s'")
    op.execute(
        """
        ALTER TABLE event_embedding_status
            DROP CONSTRAINT IF EXISTS event_embedding_status_event_id_fkey,
            ADD CONSTRAINT event_embedding_status_event_id_fkey
                FOREIGN KEY (event_id) REFERENCES events (id) NOT VALID
        """
    )
    with op.get_context().autocommit_block():
        op.execute("ALTER TABLE event_embedding_status VALIDATE CONSTRAINT event_embedding_status_event_id_fkey")
    op.execute("RESET lock_timeout")


def downgrade() -> None:
    """Take the foreign key and the index away again."""
    op.execute("SET lock_timeout = '2s'")
    op.drop_constraint("event_embedding_status_event_id_fkey", "event_embedding_status", type_="foreignkey")
    with op.get_context().autocommit_block():
        op.execute("DROP INDEX CONCURRENTLY IF EXISTS ix_event_embedding_status_pending")
    op.execute("RESET lock_timeout")

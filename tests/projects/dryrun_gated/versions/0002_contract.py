"""Require the column."""

from alembic import op

revision = "0002"
down_revision = "0001"


def upgrade():
    op.execute("SELECT sluicegate.require_backfill('0001')")
    op.alter_column("t", "a", nullable=False)

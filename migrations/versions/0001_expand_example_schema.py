"""Create the example schema: organizations, append-only events with their embeddings, and workflow insights.

Every table is new here, so nothing waits for anything: plain indexes and validated foreign keys are right in the
revision that creates their tables.
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op
from pgvector.sqlalchemy import Vector

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Create the extension, the tables and the vector index."""
    op.execute("CREATE EXTENSION IF NOT EXISTS vector")
    op.create_table(
        "organizations",
        sa.Column("id", sa.BigInteger, sa.Identity(always=True), primary_key=True),
        sa.Column("name", sa.Text, nullable=False),
        sa.Column("created_at", sa.TIMESTAMP(timezone=True), server_default=sa.func.now(), nullable=False),
    )
    op.create_table(
        "events",
        sa.Column("id", sa.BigInteger, sa.Identity(always=True), primary_key=True),
        sa.Column("organization_id", sa.BigInteger, sa.ForeignKey("organizations.id"), nullable=False),
        sa.Column("payload_text", sa.Text, nullable=False),
        sa.Column("created_at", sa.TIMESTAMP(timezone=True), server_default=sa.func.now(), nullable=False),
    )
    op.create_index("ix_events_organization_id", "events", ["organization_id"])
    op.create_table(
        "event_embeddings",
        sa.Column("event_id", sa.BigInteger, sa.ForeignKey("events.id"), primary_key=True, autoincrement=False),
        sa.Column("embedding", Vector(1536), nullable=False),
    )
    op.create_table(
        "workflow_insights",
        sa.Column("id", sa.UUID, server_default=sa.func.gen_random_uuid(), primary_key=True),
        sa.Column("tenant_id", sa.UUID, nullable=False),
        sa.Column("content", sa.Text, nullable=False),
        sa.Column("embedding", Vector(1536)),
    )
    op.create_index("ix_workflow_insights_tenant_id", "workflow_insights", ["tenant_id"])
    op.create_index(
        "ix_workflow_insights_embedding",
        "workflow_insights",
        ["embedding"],
        postgresql_using="hnsw",
        postgresql_ops={"embedding": "vector_cosine_ops"},
    )


def downgrade() -> None:
    """Drop the example schema; the extension stays, since other schemas may use it."""
    op.drop_table("workflow_insights")
    op.drop_table("event_embeddings")
    op.drop_table("events")
    op.drop_table("organizations")

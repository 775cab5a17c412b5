import sqlalchemy as sa
from alembic import op
from pgvector.sqlalchemy import HALFVEC, Vector
from sqlalchemy.dialects import postgresql

revision = "01"
down_revision = None


def upgrade():
    op.execute("CREATE EXTENSION IF NOT EXISTS vector")
    op.create_table(
        "organizations",
        sa.Column("id", sa.BigInteger, sa.Identity(always=True), primary_key=True),
        sa.Column("name", sa.String(80), nullable=False, unique=True),
        sa.Column("kind", sa.Enum("small", "large", name="organization_kind"), server_default="small"),
        sa.Column("settings", postgresql.JSONB, nullable=False, server_default=sa.text("'{}'::jsonb")),
        comment="who pays",
    )
    op.create_table(
        "events",
        sa.Column("id", sa.BigInteger, primary_key=True),
        sa.Column("organization_id", sa.BigInteger, sa.ForeignKey("organizations.id", ondelete="CASCADE"), nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), server_default=sa.func.now()),
        sa.Column("amount", sa.Numeric(10, 2)),
        sa.Column("doubled", sa.Numeric, sa.Computed("amount * 2", persisted=True)),
        sa.Column("tags", postgresql.ARRAY(sa.Text)),
        sa.Column("embedding", Vector(3)),
        sa.Column("half", HALFVEC(4)),
        sa.CheckConstraint("amount >= 0", name="amount_is_positive"),
    )
    op.create_index("events_at", "events", [sa.text("at DESC")], postgresql_where=sa.text("amount > 0"))
    op.create_index(
        "events_embedding",
        "events",
        ["embedding"],
        postgresql_using="hnsw",
        postgresql_ops={"embedding": "vector_cosine_ops"},
        postgresql_with={"m": 8, "ef_construction": 32},
    )

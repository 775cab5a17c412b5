import sqlalchemy as sa
from alembic import op
from pgvector.sqlalchemy import Vector

revision = "0001"
down_revision = None


def upgrade():
    op.create_table(
        "items",
        sa.Column("id", sa.BigInteger, sa.Identity(), primary_key=True),
        sa.Column("name", sa.Text, nullable=False),
        sa.Column("embedding", Vector(3)),
    )
    op.create_index("items_name", "items", ["name"], unique=True)


def downgrade():
    op.drop_table("items")

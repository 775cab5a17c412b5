"""Create the shop."""

import sqlalchemy as sa
from alembic import op

revision = "0001"
down_revision = None


def upgrade():
    op.create_table(
        "customers",
        sa.Column("id", sa.Integer, primary_key=True),
        sa.Column("email", sa.String(100), index=True),
    )
    op.create_table(
        "orders",
        sa.Column("id", sa.Integer, primary_key=True),
        sa.Column("customer_id", sa.Integer, sa.ForeignKey("customers.id")),
        sa.Column("total", sa.Integer),
        sa.Column("note", sa.String(50)),
    )
    op.create_table("drafts", sa.Column("id", sa.Integer, sa.ForeignKey("orders.id"), primary_key=True))

"""Widen the totals, and require them."""

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"


def require(table, column):
    op.alter_column(table, column, nullable=False)


def upgrade():
    op.execute("SET LOCAL lock_timeout = '5s'")
    op.alter_column("orders", "total", type_=sa.BigInteger)
    require("orders", "total")
    op.alter_column("orders", "note", type_=sa.Text)
    op.bulk_insert(
        sa.table("customers", sa.column("id", sa.Integer), sa.column("email", sa.String)),
        [{"id": 1, "email": "a@example.org"}, {"id": 2, "email": "50%"}],
    )

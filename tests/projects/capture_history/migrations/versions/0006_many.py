import sqlalchemy as sa
from alembic import op

revision = "0006"
down_revision = "0005"

items = sa.table("items", sa.column("name", sa.Text))


def upgrade():
    op.bulk_insert(items, [{"name": "one"}, {"name": "two"}])
    op.bulk_insert(items, [{"name": f"item {number}"} for number in range(1000)])

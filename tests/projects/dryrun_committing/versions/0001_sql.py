"""End the transaction in SQL."""

from alembic import op

revision = "0001"
down_revision = None
branch_labels = ("sql",)


def upgrade():
    op.execute("CREATE TABLE by_sql (id int)")
    op.execute("COMMIT")
    op.execute("CREATE INDEX CONCURRENTLY by_sql_id ON by_sql (id)")

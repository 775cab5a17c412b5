"""Add a column that a backfill fills."""

from alembic import op

from sluicegate.store.schema import install_statements

revision = "0001"
down_revision = None


def upgrade():
    for statement in install_statements():
        op.execute(statement)
    op.execute("CREATE TABLE t (id int PRIMARY KEY, a int)")

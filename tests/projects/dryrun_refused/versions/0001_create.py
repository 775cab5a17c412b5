"""Create a table and a view on it."""

from alembic import op

revision = "0001"
down_revision = None


def upgrade():
    op.execute("CREATE TABLE t (id int PRIMARY KEY, a int, b int)")
    op.execute("CREATE VIEW v AS SELECT a FROM t")

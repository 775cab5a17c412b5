"""Take a long time."""

from alembic import op

revision = "0001"
down_revision = None


def upgrade():
    op.execute("CREATE TABLE t (id int)")
    op.execute("SELECT pg_sleep(120)")

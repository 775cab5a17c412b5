"""Insert a row with a number of its own."""

from alembic import op

revision = "0001"
down_revision = None


def upgrade():
    op.execute("INSERT INTO t DEFAULT VALUES")

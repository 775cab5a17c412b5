"""Create a role."""

from alembic import op

revision = "0001"
down_revision = None


def upgrade():
    op.execute("CREATE ROLE sluicegate_test_reader")

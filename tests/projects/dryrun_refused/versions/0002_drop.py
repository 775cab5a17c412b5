"""Drop two columns."""

from alembic import op

revision = "0002"
down_revision = "0001"


def upgrade():
    op.drop_column("t", "b")
    op.drop_column("t", "a")
    op.execute("SELECT 'never reached'")

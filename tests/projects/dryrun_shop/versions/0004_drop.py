"""Drop the drafts."""

from alembic import op

revision = "0004"
down_revision = "0003"


def upgrade():
    op.drop_table("drafts")

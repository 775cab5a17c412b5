"""End the transaction in the same text as other statements."""

from alembic import op

revision = "0003"
down_revision = None
branch_labels = ("block",)


def upgrade():
    op.execute("CREATE TABLE by_text (id int); COMMIT; VACUUM by_text")

from alembic import op

revision = "0015"
down_revision = "0014"


def upgrade():
    op.execute("ALTER TABLE items ADD COLUMN fifth text")
    raise KeyError("no such colour")

from alembic import op

from migrations.helpers import comment_on

revision = "0004"
down_revision = "0003"


def add(name):
    op.execute(f"ALTER TABLE items ADD COLUMN {name} integer")


def upgrade():
    for name in ("a", "b"):
        add(name)
    comment_on("items")
    op.drop_column("items", "a"); op.drop_column("items", "b")  # two on one line

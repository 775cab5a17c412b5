import sqlalchemy as sa
from alembic import op

revision = "0010"
down_revision = "0009"


def upgrade():
    bind = op.get_bind()
    op.execute("ALTER TABLE items ADD COLUMN first text")
    for row in bind.execute(sa.text("SELECT id FROM items")):
        op.execute(f"UPDATE items SET first = 'x' WHERE id = {row.id}")
    op.execute("ALTER TABLE items ADD COLUMN second text")

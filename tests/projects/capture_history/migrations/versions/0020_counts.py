import sqlalchemy as sa
from alembic import op

revision = "0020"
down_revision = "0019"


def upgrade():
    bind = op.get_bind()
    if bind.execute(sa.text("SELECT count(*) FROM items")).scalar() == 0:
        op.execute("ALTER TABLE items ADD COLUMN ninth text")
    result = bind.execute(sa.text("UPDATE items SET ninth = 'x'"))
    while result.rowcount:
        result = bind.execute(sa.text("UPDATE items SET ninth = 'x'"))

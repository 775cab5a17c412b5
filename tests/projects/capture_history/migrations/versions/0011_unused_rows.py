import sqlalchemy as sa
from alembic import op

revision = "0011"
down_revision = "0010"


def upgrade():
    op.get_bind().execute(sa.text("SELECT set_config('lock_timeout', '3s', true), count(*) FROM items"))
    op.execute("ALTER TABLE items DROP COLUMN second")

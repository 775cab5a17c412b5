import sqlalchemy as sa
from alembic import op

revision = "0019"
down_revision = "0018"

bind = op.get_bind()
tables = sa.inspect(bind).get_table_names()


def upgrade():
    for table in ("items", "unheard_of"):
        if table in tables:
            op.execute(f"ALTER TABLE {table} ADD COLUMN eighth text")

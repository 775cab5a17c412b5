import sqlalchemy as sa
from alembic import op

revision = "0022"
down_revision = "0021"


def upgrade():
    with op.get_bind().engine.connect() as other:
        other.execute(sa.text("SET statement_timeout = 0"))
        other.commit()
        other.execute(sa.text("ANALYZE items"))
    op.execute("ALTER TABLE items ADD COLUMN eleventh text")

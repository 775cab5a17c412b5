import psycopg
from alembic import op

revision = "0021"
down_revision = "0020"


def upgrade():
    op.execute("ALTER TABLE items ADD COLUMN tenth text")
    psycopg.connect("postgresql://localhost/shop")

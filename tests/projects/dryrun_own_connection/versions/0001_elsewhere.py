"""Reach for another database."""

import sqlalchemy as sa
from alembic import op

revision = "0001"
down_revision = None


def upgrade():
    op.execute("CREATE TABLE t (id int)")
    engine = sa.create_engine("postgresql+psycopg://me:secret@127.0.0.1:1/production")
    with engine.begin() as connection:
        connection.execute(sa.text("CREATE TABLE t (id int)"))

"""Talk to the server in every way there is."""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.orm import Session

revision = "0001"
down_revision = None

table = sa.table("t", sa.column("id", sa.Integer), sa.column("name", sa.Text))


def upgrade():
    bind = op.get_bind()
    raw = bind.connection.dbapi_connection
    with raw.cursor() as cursor:
        cursor.execute("CREATE TABLE t (id int, name text)")
        rows = [(1, "it's 100%")]
        cursor.executemany("INSERT INTO t VALUES (%s, %s)", rows)
    raw.execute("INSERT INTO t VALUES (2, 'b')")
    session = Session(bind=bind)
    assert session.execute(sa.select(sa.func.count())).scalar() == 1
    session.execute(table.delete().where(table.c.id == 1))

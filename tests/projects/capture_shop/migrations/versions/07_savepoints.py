import sqlalchemy as sa
from alembic import op

revision = "07"
down_revision = "06"


def upgrade():
    bind = op.get_bind()
    with bind.begin_nested():
        op.execute("ALTER TABLE books ADD COLUMN kept integer")
    savepoint = bind.begin_nested()
    op.execute("ALTER TABLE books ADD COLUMN undone integer")
    savepoint.rollback()
    bind.exec_driver_sql("INSERT INTO books (title, kept) VALUES (%s, %s)", ("100%", 5))
    bind.exec_driver_sql("UPDATE books SET title = 'fifty' WHERE title LIKE '100%%'")
    with bind.connection.cursor() as cursor:
        cursor.execute("INSERT INTO books (title) VALUES (%(t)s)", {"t": "raw"})
        cursor.executemany("INSERT INTO books (title) VALUES (%s)", [("many",), ("rows",)])

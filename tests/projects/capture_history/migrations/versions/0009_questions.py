import sqlalchemy as sa
from alembic import op

revision = "0009"
down_revision = "0008"


def upgrade():
    bind = op.get_bind()
    known = bind.execute(
        sa.text("SELECT 1 FROM information_schema.columns WHERE table_name = :t AND column_name = :c"),
        {"t": "items", "c": "size"},
    ).scalar()
    if known:
        op.execute("ALTER TABLE items RENAME COLUMN size TO extent")
    if bind.execute(sa.text("SELECT to_regclass('public.nothing')")).scalar() is None:
        op.execute("CREATE TABLE nothing ()")
    for (name,) in bind.execute(sa.text("SELECT tablename FROM pg_tables WHERE tablename LIKE '%ooks' ORDER BY 1")):
        op.execute(f"ALTER TABLE {name} SET (fillfactor = 90)")

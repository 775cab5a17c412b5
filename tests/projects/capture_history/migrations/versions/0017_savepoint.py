import sqlalchemy as sa
from alembic import op

revision = "0017"
down_revision = "0016"


def upgrade():
    bind = op.get_bind()
    with bind.begin_nested():
        op.execute("ALTER TABLE items ADD COLUMN sixth text")
    savepoint = bind.begin_nested()
    op.execute("ALTER TABLE items ADD COLUMN seventh text")
    savepoint.rollback()
    names = [column["name"] for column in sa.inspect(bind).get_columns("items")]
    op.execute(f"COMMENT ON TABLE items IS 'sixth: {'sixth' in names}, seventh: {'seventh' in names}'")
    bind.exec_driver_sql("UPDATE items SET sixth = %(value)s WHERE name LIKE '50%%'", {"value": "x"})

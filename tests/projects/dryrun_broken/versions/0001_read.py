"""Read a row that no clone has."""

from alembic import op

revision = "0001"
down_revision = None


def upgrade():
    op.execute("CREATE TABLE settings (name text, value text)")
    row = op.get_bind().exec_driver_sql("SELECT value FROM settings WHERE name = 'mode'").fetchone()
    op.execute(f"COMMENT ON TABLE settings IS '{row[0]}'")

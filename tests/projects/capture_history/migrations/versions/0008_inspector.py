import sqlalchemy as sa
from alembic import op

revision = "0008"
down_revision = "0007"


def upgrade():
    inspector = sa.inspect(op.get_bind())
    columns = {column["name"] for column in inspector.get_columns("items")}
    if "note" not in columns:
        op.add_column("items", sa.Column("note", sa.Text))
    if "size" not in columns:
        op.add_column("items", sa.Column("size", sa.Integer))
    if not inspector.has_table("labels"):
        op.create_table("labels", sa.Column("id", sa.Integer, primary_key=True))
    table = sa.Table("books", sa.MetaData(), autoload_with=op.get_bind())
    op.execute(table.update().values(title="none").where(table.c.shelf_id.is_(None)))

import sqlalchemy as sa
from alembic import op

revision = "05"
down_revision = "04"


def upgrade():
    bind = op.get_bind()
    inspector = sa.inspect(bind)
    for table in sorted(inspector.get_table_names()):
        columns = [column["name"] for column in inspector.get_columns(table)]
        if "note" not in columns and table != "alembic_version":
            op.add_column(table, sa.Column("note", sa.Text))
    for key in inspector.get_foreign_keys("events"):
        op.drop_constraint(key["name"], "events", type_="foreignkey")
    for index in inspector.get_indexes("events"):
        if index["unique"] is False and index["column_names"] == ["later"]:
            op.drop_index(index["name"], table_name="events")
    if bind.execute(sa.text("SELECT EXISTS (SELECT 1 FROM pg_extension WHERE extname = 'vector')")).scalar():
        op.execute("COMMENT ON TABLE events IS 'has vectors'")
    rows = bind.execute(sa.text("SELECT tablename FROM pg_tables WHERE schemaname = 'public' ORDER BY tablename"))
    for row in rows.mappings():
        op.execute(f"ALTER TABLE {row['tablename']} SET (autovacuum_vacuum_scale_factor = 0.05)")
    table = sa.Table("organizations", sa.MetaData(), autoload_with=bind)
    bind.execute(table.update().where(table.c.kind == "huge").values(note=sa.func.upper(table.c.name)))

from alembic import op

revision = "0003"
down_revision = "0002"


def upgrade():
    op.execute("SET LOCAL lock_timeout = '2s'")
    op.execute("ALTER TABLE items ADD COLUMN note text")
    with op.get_context().autocommit_block():
        op.create_index("items_note", "items", ["note"], postgresql_concurrently=True)
    op.execute("ALTER TABLE items ADD COLUMN other text")

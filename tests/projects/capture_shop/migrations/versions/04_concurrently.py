from alembic import op

revision = "04"
down_revision = "03"


def upgrade():
    op.execute("SET LOCAL lock_timeout = '2s'")
    op.execute("ALTER TABLE events ADD COLUMN later integer")
    with op.get_context().autocommit_block():
        op.create_index("events_later", "events", ["later"], postgresql_concurrently=True, if_not_exists=True)
        op.execute("ALTER TYPE organization_kind ADD VALUE 'huge'")
    op.execute("UPDATE organizations SET kind = 'huge' WHERE id = 2")

from alembic import op

revision = "0018"
down_revision = "0017"


def upgrade():
    op.execute("COMMIT")
    op.execute("CREATE INDEX CONCURRENTLY items_sixth ON items (sixth)")

"""Run what cannot run in a transaction."""

from alembic import op

revision = "0004"
down_revision = None
branch_labels = ("maintenance",)


def upgrade():
    op.execute("CREATE TABLE kept_clean (id int PRIMARY KEY)")
    with op.get_context().autocommit_block():
        op.execute("VACUUM kept_clean")
        op.execute("REINDEX (CONCURRENTLY, VERBOSE) TABLE kept_clean")
        op.execute("DROP INDEX CONCURRENTLY IF EXISTS nothing")

from alembic import op


def comment_on(table):
    op.execute(f"COMMENT ON TABLE {table} IS 'kept'")

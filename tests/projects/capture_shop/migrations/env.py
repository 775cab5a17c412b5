from alembic import context
from sqlalchemy import MetaData

context.configure(
    connection=context.config.attributes["connection"],
    target_metadata=MetaData(naming_convention={"ix": "ix_%(table_name)s_%(column_0_N_name)s", "uq": "uq_%(table_name)s_%(column_0_name)s"}),
)
with context.begin_transaction():
    context.run_migrations()

"""End the transaction through the driver, past Alembic and SQLAlchemy."""

from alembic import op

revision = "0002"
down_revision = None
branch_labels = ("driver",)


def upgrade():
    op.execute("CREATE TABLE by_driver (id int)")
    op.get_bind().connection.dbapi_connection.commit()

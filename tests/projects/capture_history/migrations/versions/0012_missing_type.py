import sqlalchemy as sa
from alembic import op
from shop.models import GUID, STATUSES
from shop.settings import settings
from pgvector.sqlalchemy import Vector

revision = "0012"
down_revision = "0011"


def upgrade():
    op.add_column("items", sa.Column("key", GUID(), nullable=True))
    op.add_column("items", sa.Column("shape", Vector(settings.DIMENSIONS)))

import logging

from alembic import op
from shop.logs import get_logger
from shop.models import Item

revision = "0013"
down_revision = "0012"
logger = get_logger(__name__)


def upgrade():
    logger.info("adding a column")
    op.execute("ALTER TABLE items ADD COLUMN third text")

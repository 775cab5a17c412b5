from alembic import op
from shop.models import STATUSES

revision = "0024"
down_revision = "0023"


def upgrade():
    for status in STATUSES:
        op.execute(f"INSERT INTO labels VALUES ({status})")

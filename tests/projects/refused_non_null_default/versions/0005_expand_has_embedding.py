"""Track embeddings in a column of events that says "false" of every row before anybody has looked."""

import sqlalchemy as sa
from alembic import op

revision = "0005"
down_revision = "0004"


def upgrade():
    op.add_column("events", sa.Column("has_embedding", sa.Boolean, nullable=False, server_default=sa.false()))


def downgrade():
    op.drop_column("events", "has_embedding")

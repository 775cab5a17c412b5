"""Drop the embeddings of workflow_insights: the column comes back in a minute, the vectors do not."""

import sqlalchemy as sa
from alembic import op
from pgvector.sqlalchemy import Vector

revision = "0005"
down_revision = "0004"


def upgrade():
    op.drop_column("workflow_insights", "embedding")


def downgrade():
    op.add_column("workflow_insights", sa.Column("embedding", Vector(1536)))

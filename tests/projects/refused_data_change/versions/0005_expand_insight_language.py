"""Fill a new column of workflow_insights inside the revision: one statement, every row, one transaction."""

import sqlalchemy as sa
from alembic import op

revision = "0005"
down_revision = "0004"


def upgrade():
    op.add_column("workflow_insights", sa.Column("language", sa.Text))
    op.execute("UPDATE workflow_insights SET language = 'en'")


def downgrade():
    op.drop_column("workflow_insights", "language")

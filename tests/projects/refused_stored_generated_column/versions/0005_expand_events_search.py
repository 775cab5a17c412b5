"""Make events searchable with a stored generated column: rewrites the whole table while nobody can read it."""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects.postgresql import TSVECTOR

revision = "0005"
down_revision = "0004"


def upgrade():
    op.add_column(
        "events",
        sa.Column(
            "search",
            TSVECTOR,
            sa.Computed("to_tsvector('english', payload_text)", persisted=True),
        ),
    )


def downgrade():
    op.drop_column("events", "search")

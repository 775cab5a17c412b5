import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"


def upgrade():
    with op.batch_alter_table("items") as batch:
        batch.add_column(sa.Column("price", sa.Numeric(10, 2)))
        batch.alter_column("name", type_=sa.String(200), existing_nullable=False)


def downgrade():
    op.drop_column("items", "price")

import sqlalchemy as sa
from alembic import op

revision = "03"
down_revision = "02"


def upgrade():
    with op.batch_alter_table("events") as batch:
        batch.add_column(sa.Column("note", sa.Text, server_default="it's"))
        batch.alter_column("amount", nullable=False, existing_type=sa.Numeric(10, 2))
        batch.create_unique_constraint(None, ["at"])
    op.create_index(None, "events", ["note", "at"])
    op.alter_column("organizations", "name", type_=sa.Text, existing_nullable=False)
    op.rename_table("everything", "all_kinds")
    op.execute("CREATE VIEW large AS SELECT id, name FROM organizations WHERE kind = 'large'")
    op.execute(
        """
        DO $$ BEGIN
            ALTER TABLE all_kinds ADD COLUMN made_in_a_block integer;
        END $$;
        COMMENT ON COLUMN all_kinds.day IS 'two statements; one text'
        """
    )

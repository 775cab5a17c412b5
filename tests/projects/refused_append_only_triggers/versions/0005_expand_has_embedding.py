"""Track embeddings in a nullable column of events that triggers keep up to date: events is append-only."""

import sqlalchemy as sa
from alembic import op

revision = "0005"
down_revision = "0004"


def upgrade():
    op.add_column("events", sa.Column("has_embedding", sa.Boolean, nullable=True))
    op.execute(
        """
        CREATE FUNCTION mark_event_embedded() RETURNS trigger LANGUAGE plpgsql AS $$
        BEGIN
            UPDATE events SET has_embedding = (TG_OP = 'INSERT') WHERE id = coalesce(NEW.event_id, OLD.event_id);
            RETURN NULL;
        END
        $$
        """
    )
    op.execute(
        """
        CREATE TRIGGER event_embeddings_mark AFTER INSERT OR DELETE ON event_embeddings
        FOR EACH ROW EXECUTE FUNCTION mark_event_embedded()
        """
    )
    op.execute(
        """
        CREATE TRIGGER events_mark BEFORE INSERT ON events
        FOR EACH ROW EXECUTE FUNCTION mark_event_embedded()
        """
    )


def downgrade():
    op.execute("DROP TRIGGER events_mark ON events")
    op.execute("DROP TRIGGER event_embeddings_mark ON event_embeddings")
    op.execute("DROP FUNCTION mark_event_embedded()")
    op.drop_column("events", "has_embedding")

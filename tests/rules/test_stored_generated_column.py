"""What the rule ``stored-generated-column`` says of its example."""

from __future__ import annotations

from .verbs import assert_says

RULE = "stored-generated-column"

EXPECTED = '''\
error[stored-generated-column] stored_generated_column_bad.py:11:5 (revision stored_generated_column_bad)
  11 │     op.add_column(
  12 │         "events",
  13 │         sa.Column("search", postgresql.TSVECTOR(), sa.Computed("to_tsvector('english', payload_text)", persisted=True)),
  14 │     )

  Adding the stored generated column search rewrites events under ACCESS EXCLUSIVE: every query on
  events, SELECT included, waits until the last row is written.

  Instead:
    # this revision: a plain column, kept up to date from now on
    op.add_column("events", sa.Column("search", postgresql.TSVECTOR()))
    op.execute("""
        CREATE FUNCTION events_search_fill() RETURNS trigger LANGUAGE plpgsql AS $$
        BEGIN
            NEW.search := to_tsvector('english', NEW.payload_text);
            RETURN NEW;
        END
        $$
    """)
    op.execute("""
        CREATE TRIGGER events_search_fill BEFORE INSERT OR UPDATE ON events
        FOR EACH ROW EXECUTE FUNCTION events_search_fill()
    """)

    # then, outside the deploy, a backfill that sets search = to_tsvector('english', payload_text)
    # where search IS NULL

1 revision, 1 statement judged for PostgreSQL 16: 1 error.
'''


def test_bad_is_reported_in_these_words(examples):
    assert_says(examples, RULE, EXPECTED)

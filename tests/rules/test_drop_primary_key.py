"""What the rule ``drop-primary-key`` says of its example."""

from __future__ import annotations

from .verbs import assert_says

RULE = "drop-primary-key"

EXPECTED = """\
error[drop-primary-key] drop_primary_key_bad.py:11:5 (revision drop_primary_key_bad)
  11 │     op.drop_constraint("events_pkey", "events", type_="primary")
     │     ^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^

  events is left without a primary key: duplicates come in, and UPDATE and DELETE fail where the
  table is published by logical replication.

  Instead:
    with op.get_context().autocommit_block():
        op.create_index("events_pkey_new", "events", ["id"], unique=True, postgresql_concurrently=True)
    op.execute(
        "ALTER TABLE events DROP CONSTRAINT events_pkey, ADD CONSTRAINT events_pkey_new PRIMARY KEY USING INDEX events_pkey_new"
    )

1 revision, 1 statement judged for PostgreSQL 16: 1 error.
"""


def test_bad_is_reported_in_these_words(examples):
    assert_says(examples, RULE, EXPECTED)

"""What the rule ``primary-key-builds-index`` says of its example."""

from __future__ import annotations

from .verbs import assert_says

RULE = "primary-key-builds-index"

EXPECTED = """\
error[primary-key-builds-index] primary_key_builds_index_bad.py:11:5 (revision primary_key_builds_index_bad)
  11 │     op.create_primary_key("events_pkey", "events", ["id"])
     │     ^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^

  The primary key events_pkey builds its index on events under ACCESS EXCLUSIVE: every query on
  events, SELECT included, waits until that is done.

  Instead:
    with op.get_context().autocommit_block():
        op.create_index("events_pkey", "events", ["id"], unique=True, postgresql_concurrently=True)
    op.execute("ALTER TABLE events ADD CONSTRAINT events_pkey PRIMARY KEY USING INDEX events_pkey")

1 revision, 1 statement judged for PostgreSQL 16: 1 error.
"""


def test_bad_is_reported_in_these_words(examples):
    assert_says(examples, RULE, EXPECTED)

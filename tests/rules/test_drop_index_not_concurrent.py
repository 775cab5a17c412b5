"""What the rule ``drop-index-not-concurrent`` says of its example."""

from __future__ import annotations

from .verbs import assert_says

RULE = "drop-index-not-concurrent"

EXPECTED = """\
error[drop-index-not-concurrent] drop_index_not_concurrent_bad.py:11:5 (revision drop_index_not_concurrent_bad)
  11 │     op.drop_index("ix_events_kind", table_name="events")
     │     ^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^

  Dropping the index ix_events_kind takes ACCESS EXCLUSIVE on events: it queues behind every query
  that is running, and every later query, SELECT included, queues behind it.

  Instead:
    with op.get_context().autocommit_block():
        op.drop_index("ix_events_kind", table_name="events", postgresql_concurrently=True)

1 revision, 1 statement judged for PostgreSQL 16: 1 error.
"""


def test_bad_is_reported_in_these_words(examples):
    assert_says(examples, RULE, EXPECTED)

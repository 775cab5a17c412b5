"""What the rule ``reindex-not-concurrent`` says of its example."""

from __future__ import annotations

from .verbs import assert_says

RULE = "reindex-not-concurrent"

EXPECTED = """\
error[reindex-not-concurrent] reindex_not_concurrent_bad.py:11:5 (revision reindex_not_concurrent_bad)
  11 │     op.execute("REINDEX INDEX ix_events_kind")
     │     ^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^

  REINDEX reads all of events under SHARE: every INSERT, UPDATE and DELETE on events waits, and so
  does every query that would use the index, until it is built.

  Instead:
    with op.get_context().autocommit_block():
        op.execute("REINDEX (CONCURRENTLY) INDEX ix_events_kind")

1 revision, 1 statement judged for PostgreSQL 16: 1 error.
"""


def test_bad_is_reported_in_these_words(examples):
    assert_says(examples, RULE, EXPECTED)

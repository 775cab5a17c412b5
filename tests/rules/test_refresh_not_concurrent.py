"""What the rule ``refresh-not-concurrent`` says of its example."""

from __future__ import annotations

from .verbs import assert_says

RULE = "refresh-not-concurrent"

EXPECTED = """\
error[refresh-not-concurrent] refresh_not_concurrent_bad.py:11:5 (revision refresh_not_concurrent_bad)
  11 │     op.execute("REFRESH MATERIALIZED VIEW event_kinds")
     │     ^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^

  Refreshing event_kinds computes all of it under ACCESS EXCLUSIVE: every query on event_kinds,
  SELECT included, waits until the last row is written.

  Instead:
    With a unique index on the view, and better from a scheduler than from a revision:

    op.execute("REFRESH MATERIALIZED VIEW CONCURRENTLY event_kinds")

1 revision, 1 statement judged for PostgreSQL 16: 1 error.
"""


def test_bad_is_reported_in_these_words(examples):
    assert_says(examples, RULE, EXPECTED)

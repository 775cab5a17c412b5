"""What the rule ``truncate`` says of its example."""

from __future__ import annotations

from .verbs import assert_says

RULE = "truncate"

EXPECTED = """\
error[truncate] truncate_bad.py:11:5 (revision truncate_bad)
  11 │     op.execute("TRUNCATE events")
     │     ^^^^^^^^^^^^^^^^^^^^^^^^^^^^^

  TRUNCATE destroys every row of events under ACCESS EXCLUSIVE: every query on events, SELECT
  included, waits until the transaction ends.

  Instead:
    Delete in batches with a backfill, or let a person do it who looks at the rows first.

1 revision, 1 statement judged for PostgreSQL 16: 1 error.
"""


def test_bad_is_reported_in_these_words(examples):
    assert_says(examples, RULE, EXPECTED)

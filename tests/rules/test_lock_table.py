"""What the rule ``lock-table`` says of its example."""

from __future__ import annotations

from .verbs import assert_says

RULE = "lock-table"

EXPECTED = """\
warn[lock-table] lock_table_bad.py:11:5 (revision lock_table_bad)
  11 │     op.execute("LOCK TABLE events IN SHARE ROW EXCLUSIVE MODE")
     │     ^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^

  LOCK TABLE holds events under SHARE ROW EXCLUSIVE: every INSERT, UPDATE and DELETE on events waits
  until the transaction ends.

  Instead:
    Leave it out: each statement takes the lock that it needs by itself.

1 revision, 1 statement judged for PostgreSQL 16: 1 warning.
"""


def test_bad_is_reported_in_these_words(examples):
    assert_says(examples, RULE, EXPECTED)

"""What the rule ``lock-held-during-long-work`` says of its example."""

from __future__ import annotations

from .verbs import assert_says

RULE = "lock-held-during-long-work"

EXPECTED = """\
error[lock-held-during-long-work] lock_held_during_long_work_bad.py:12:5 (revision lock_held_during_long_work_bad)
  12 │     op.execute("CREATE TABLE event_kinds AS SELECT DISTINCT kind FROM events")
     │     ^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^

  While this statement works through all of events, the transaction still holds ACCESS EXCLUSIVE on
  organizations from line 11: every query on organizations, SELECT included, waits until it commits.

  Instead:
    Put this statement into a revision of its own, before the other one, or an autocommit block.

1 revision, 2 statements judged for PostgreSQL 16: 1 error.
"""


def test_bad_is_reported_in_these_words(examples):
    assert_says(examples, RULE, EXPECTED)

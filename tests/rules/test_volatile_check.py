"""What the rule ``volatile-check`` says of its example."""

from __future__ import annotations

from .verbs import assert_says

RULE = "volatile-check"

EXPECTED = """\
info[volatile-check] volatile_check_bad.py:11:5 (revision volatile_check_bad)
  11 │     op.create_check_constraint("events_in_future", "events", "starts_at > now()", postgresql_not_valid=True)
     │     ^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^

  The check events_in_future on events depends on now(): a row that passes today may fail when a
  dump is restored or the check is validated again.

  Instead:
    Compare columns with columns, and test the moment of writing in a trigger.

1 revision, 1 statement judged for PostgreSQL 16: 1 remark.
"""


def test_bad_is_reported_in_these_words(examples):
    assert_says(examples, RULE, EXPECTED)

"""What the rule ``trigger-disabled`` says of its example."""

from __future__ import annotations

from .verbs import assert_says

RULE = "trigger-disabled"

EXPECTED = """\
warn[trigger-disabled] trigger_disabled_bad.py:11:5 (revision trigger_disabled_bad)
  11 │     op.execute("ALTER TABLE events DISABLE TRIGGER events_check")
     │     ^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^

  While the trigger events_check of events is off, rows arrive that nothing has checked, and
  enabling it again checks none of them.

  Instead:
    Enable it again in the same transaction, or let the trigger return early under a setting.

1 revision, 1 statement judged for PostgreSQL 16: 1 warning.
"""


def test_bad_is_reported_in_these_words(examples):
    assert_says(examples, RULE, EXPECTED)

"""What the rule ``rename-enum-value`` says of its example."""

from __future__ import annotations

from .verbs import assert_says

RULE = "rename-enum-value"

EXPECTED = """\
warn[rename-enum-value] rename_enum_value_bad.py:11:5 (revision rename_enum_value_bad)
  11 │     op.execute("ALTER TYPE event_state RENAME VALUE 'closed' TO 'done'")
     │     ^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^

  Renaming the value 'closed' of event_state to 'done' breaks running code: whatever still says
  'closed' fails from this moment.

  Instead:
    Add the value, write it from now on, and backfill the rows that have 'closed':

    op.execute("ALTER TYPE event_state ADD VALUE IF NOT EXISTS 'done'")

1 revision, 1 statement judged for PostgreSQL 16: 1 warning.
"""


def test_bad_is_reported_in_these_words(examples):
    assert_says(examples, RULE, EXPECTED)

"""What the rule ``drop-not-null`` says of its example."""

from __future__ import annotations

from .verbs import assert_says

RULE = "drop-not-null"

EXPECTED = """\
info[drop-not-null] drop_not_null_bad.py:11:5 (revision drop_not_null_bad)
  11 │     op.alter_column("events", "payload_text", nullable=True)
     │     ^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^

  events.payload_text may be NULL from now on: code that reads it must cope with that before this
  runs.

  Instead:
    First release readers that cope with NULL.

1 revision, 1 statement judged for PostgreSQL 16: 1 remark.
"""


def test_bad_is_reported_in_these_words(examples):
    assert_says(examples, RULE, EXPECTED)

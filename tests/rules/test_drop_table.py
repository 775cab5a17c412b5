"""What the rule ``drop-table`` says of its example."""

from __future__ import annotations

from .verbs import assert_says

RULE = "drop-table"

EXPECTED = """\
error[drop-table] drop_table_bad.py:11:5 (revision drop_table_bad)
  11 │     op.drop_table("events")
     │     ^^^^^^^^^^^^^^^^^^^^^^^

  Dropping events destroys its rows, and code that still names it fails at once.

  Instead:
    First release code that does not use the table, and drop its foreign keys one at a time. Then
    say so where you drop it:

    op.drop_table("events")  # sluicegate: allow[drop-table] unused since <release>

1 revision, 1 statement judged for PostgreSQL 16: 1 error.
"""


def test_bad_is_reported_in_these_words(examples):
    assert_says(examples, RULE, EXPECTED)

"""What the rule ``drop-column`` says of its example."""

from __future__ import annotations

from .verbs import assert_says

RULE = "drop-column"

EXPECTED = """\
error[drop-column] drop_column_bad.py:11:5 (revision drop_column_bad)
  11 │     op.drop_column("events", "kind")
     │     ^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^

  Dropping events.kind (varchar(50)) destroys its values, and code that still names it fails at
  once.

  Instead:
    First release code that neither reads nor writes the column. Then say so where you drop it:

    op.drop_column("events", "kind")  # sluicegate: allow[drop-column] unused since <release>

1 revision, 1 statement judged for PostgreSQL 16: 1 error.
"""


def test_bad_is_reported_in_these_words(examples):
    assert_says(examples, RULE, EXPECTED)

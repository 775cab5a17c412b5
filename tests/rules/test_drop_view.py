"""What the rule ``drop-view`` says of its example."""

from __future__ import annotations

from .verbs import assert_says

RULE = "drop-view"

EXPECTED = """\
warn[drop-view] drop_view_bad.py:11:5 (revision drop_view_bad)
  11 │     op.execute("DROP VIEW recent_events")
     │     ^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^

  Dropping the view recent_events breaks code that still reads it.

  Instead:
    First release code that does not read it. Then say so where you drop it:

    op.execute("DROP VIEW recent_events")  # sluicegate: allow[drop-view] unused since <release>

1 revision, 1 statement judged for PostgreSQL 16: 1 warning.
"""


def test_bad_is_reported_in_these_words(examples):
    assert_says(examples, RULE, EXPECTED)

"""What the rule ``unused-suppression`` says of its example."""

from __future__ import annotations

from .verbs import assert_says

RULE = "unused-suppression"

EXPECTED = """\
warn[unused-suppression] unused_suppression_bad.py:11:35 (revision unused_suppression_bad)
  11 │     op.execute("ANALYZE events")  # sluicegate: allow[drop-column] unused since release 41
     │                                   ^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^

  There is no finding of drop-column here to allow; take it out of the comment.

1 revision, 1 statement judged for PostgreSQL 16: 1 warning.
"""


def test_bad_is_reported_in_these_words(examples):
    assert_says(examples, RULE, EXPECTED)

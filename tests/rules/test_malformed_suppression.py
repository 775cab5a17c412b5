"""What the rule ``malformed-suppression`` says of its example."""

from __future__ import annotations

from .verbs import assert_says

RULE = "malformed-suppression"

EXPECTED = """\
error[malformed-suppression] malformed_suppression_bad.py:11:35 (revision malformed_suppression_bad)
  11 │     op.execute("ANALYZE events")  # sluicegate: allow[drop-colum] unused since release 41
     │                                   ^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^

  There is no rule drop-colum; did you mean drop-column?

1 revision, 1 statement judged for PostgreSQL 16: 1 error.
"""


def test_bad_is_reported_in_these_words(examples):
    assert_says(examples, RULE, EXPECTED)

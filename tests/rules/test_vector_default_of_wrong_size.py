"""What the rule ``vector-default-of-wrong-size`` says of its example."""

from __future__ import annotations

from .verbs import assert_says

RULE = "vector-default-of-wrong-size"

EXPECTED = """\
error[vector-default-of-wrong-size] vector_default_of_wrong_size_bad.py:11:5 (revision vector_default_of_wrong_size_bad)
  11 │     op.execute("ALTER TABLE workflow_insights ALTER COLUMN embedding SET DEFAULT '[0,0,0,0]'")
     │     ^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^

  The default has 4 numbers and workflow_insights.embedding takes 3: this is accepted, and every
  INSERT that relies on it fails.

  Instead:
    Leave the default out: NULL says that a row has no embedding yet.

1 revision, 1 statement judged for PostgreSQL 16: 1 error.
"""


def test_bad_is_reported_in_these_words(examples):
    assert_says(examples, RULE, EXPECTED)

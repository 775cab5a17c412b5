"""What the rule ``plain-storage-on-vector`` says of its example."""

from __future__ import annotations

from .verbs import assert_says

RULE = "plain-storage-on-vector"

EXPECTED = """\
warn[plain-storage-on-vector] plain_storage_on_vector_bad.py:11:5 (revision plain_storage_on_vector_bad)
  11 │     op.execute("ALTER TABLE workflow_insights ALTER COLUMN embedding SET STORAGE PLAIN")
     │     ^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^

  PLAIN keeps each vector(3) of workflow_insights.embedding inside its row, which must fit into 8
  kB: larger rows are refused.

  Instead:
    op.execute("ALTER TABLE workflow_insights ALTER COLUMN embedding SET STORAGE EXTERNAL")

1 revision, 1 statement judged for PostgreSQL 16: 1 warning.
"""


def test_bad_is_reported_in_these_words(examples):
    assert_says(examples, RULE, EXPECTED)

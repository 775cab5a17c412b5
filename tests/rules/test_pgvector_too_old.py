"""What the rule ``pgvector-too-old`` says of its example."""

from __future__ import annotations

from .verbs import assert_says

RULE = "pgvector-too-old"

EXPECTED = """\
error[pgvector-too-old] pgvector_too_old_bad.py:11:5 (revision pgvector_too_old_bad)
  11 │     op.add_column("workflow_insights", sa.Column("embedding_half", HALFVEC(3)))
     │     ^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^

  The type halfvec came with pgvector 0.7.0, and production has 0.6.0: the server refuses this.

  Instead:
    Update the package to 0.7.0 or later, then the extension, in a revision before this one:

    op.execute("ALTER EXTENSION vector UPDATE")

1 revision, 1 statement judged for PostgreSQL 16: 1 error.
"""


def test_bad_is_reported_in_these_words(examples):
    assert_says(examples, RULE, EXPECTED)

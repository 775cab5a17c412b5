"""What the rule ``vector-type-change`` says of its example."""

from __future__ import annotations

from .verbs import assert_says

RULE = "vector-type-change"

EXPECTED = """\
error[vector-type-change] vector_type_change_bad.py:11:5 (revision vector_type_change_bad)
  11 │     op.alter_column("workflow_insights", "embedding", type_=Vector(4))
     │     ^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^

  Changing workflow_insights.embedding from vector(3) to vector(4): it fails on the first row that
  holds a vector, and works only on an empty database.

  Instead:
    # this revision: the new column beside the old one
    op.add_column("workflow_insights", sa.Column("embedding_new", Vector(4)))

    # then, outside the deploy, a backfill that embeds each row again as vector(4); new rows get
    # both from the code or a trigger

    # a later revision, after the backfill is verified: swap by name, which takes a moment
    op.alter_column("workflow_insights", "embedding", new_column_name="embedding_old")
    op.alter_column("workflow_insights", "embedding_new", new_column_name="embedding")

1 revision, 1 statement judged for PostgreSQL 16: 1 error.
"""


def test_bad_is_reported_in_these_words(examples):
    assert_says(examples, RULE, EXPECTED)

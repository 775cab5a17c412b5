"""What the rule ``drop-vector-column`` says of its example."""

from __future__ import annotations

from .verbs import assert_says

RULE = "drop-vector-column"

EXPECTED = """\
error[drop-vector-column] drop_vector_column_bad.py:11:5 (revision drop_vector_column_bad)
  11 │     op.drop_column("workflow_insights", "embedding")
     │     ^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^

  Dropping workflow_insights.embedding (vector(3)) destroys the embeddings of every row and the
  index ix_workflow_insights_embedding with them; they come back only from the provider, one row at
  a time.

  Instead:
    Leave embedding in place. If other embeddings take over, let them grow up beside it:

    # this revision: the new column beside the old one
    op.add_column("workflow_insights", sa.Column("embedding_new", Vector(3)))

    # then, outside the deploy, a backfill that embeds every row into embedding_new; new rows get
    # both from the code or a trigger

    # a later revision, after the backfill is verified: swap by name, which takes a moment
    op.alter_column("workflow_insights", "embedding", new_column_name="embedding_old")
    op.alter_column("workflow_insights", "embedding_new", new_column_name="embedding")

1 revision, 1 statement judged for PostgreSQL 16: 1 error.
"""


def test_bad_is_reported_in_these_words(examples):
    assert_says(examples, RULE, EXPECTED)

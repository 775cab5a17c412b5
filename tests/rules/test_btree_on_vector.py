"""What the rule ``btree-on-vector`` says of its example."""

from __future__ import annotations

from .verbs import assert_says

RULE = "btree-on-vector"

EXPECTED = """\
error[btree-on-vector] btree_on_vector_bad.py:12:9 (revision btree_on_vector_bad)
  12 │         op.create_index("ix_insights_embedding", "workflow_insights", ["embedding"], postgresql_concurrently=True)
     │         ^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^

  ix_insights_embedding is an ordinary b-tree on workflow_insights.embedding (vector(3)): no vector
  search uses it, and from 673 dimensions on it refuses rows.

  Instead:
    with op.get_context().autocommit_block():
        op.create_index(
            "ix_insights_embedding",
            "workflow_insights",
            ["embedding"],
            postgresql_using="hnsw",
            postgresql_ops={"embedding": "vector_cosine_ops"},
            postgresql_concurrently=True,
        )

1 revision, 1 statement judged for PostgreSQL 16: 1 error.
"""


def test_bad_is_reported_in_these_words(examples):
    assert_says(examples, RULE, EXPECTED)

"""What the rule ``index-dropped-before-replacement`` says of its example."""

from __future__ import annotations

from .verbs import assert_says

RULE = "index-dropped-before-replacement"

EXPECTED = """\
error[index-dropped-before-replacement] index_dropped_before_replacement_bad.py:12:9 (revision index_dropped_before_replacement_bad)
  12 │         op.drop_index("ix_insights_embedding", table_name="workflow_insights", postgresql_concurrently=True)
     │         ^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^

  ix_insights_embedding is dropped before its replacement is built: until then every vector search
  by embedding reads all of workflow_insights, and if the build fails there is no index at all.

  Instead:
    with op.get_context().autocommit_block():
        op.create_index(
            "ix_insights_embedding_new",
            "workflow_insights",
            ["embedding"],
            postgresql_using="hnsw",
            postgresql_ops={"embedding": "vector_cosine_ops"},
            postgresql_with={"m": 24},
            postgresql_concurrently=True,
        )
    with op.get_context().autocommit_block():
        op.drop_index(
            "ix_insights_embedding",
            table_name="workflow_insights",
            postgresql_concurrently=True,
        )
    op.execute("ALTER INDEX ix_insights_embedding_new RENAME TO ix_insights_embedding")

1 revision, 2 statements judged for PostgreSQL 16: 1 error.
"""


def test_bad_is_reported_in_these_words(examples):
    assert_says(examples, RULE, EXPECTED)

"""What the rule ``index-before-backfill`` says of its example."""

from __future__ import annotations

from .verbs import assert_says

RULE = "index-before-backfill"

EXPECTED = """\
error[index-before-backfill] index_before_backfill_bad.py:13:9 (revision index_before_backfill_bad)
  13 │         op.create_index(
  14 │             "ix_insights_title_embedding",
  15 │             "workflow_insights",
  16 │             ["title_embedding"],
     …
  20 │         )

  ix_insights_title_embedding is built before workflow_insights.title_embedding holds a vector: the
  backfill will insert each of them into the index one by one, many times slower than one build
  afterwards.

  Instead:
    # a later revision, after the backfill is verified
    with op.get_context().autocommit_block():
        op.create_index(
            "ix_insights_title_embedding",
            "workflow_insights",
            ["title_embedding"],
            postgresql_using="hnsw",
            postgresql_ops={"title_embedding": "vector_cosine_ops"},
            postgresql_concurrently=True,
        )

1 revision, 2 statements judged for PostgreSQL 16: 1 error.
"""


def test_bad_is_reported_in_these_words(examples):
    assert_says(examples, RULE, EXPECTED)

"""What the rule ``ivfflat-default-operator-class`` says of its example."""

from __future__ import annotations

from .verbs import assert_says

RULE = "ivfflat-default-operator-class"

EXPECTED = """\
warn[ivfflat-default-operator-class] ivfflat_default_operator_class_bad.py:12:9 (revision ivfflat_default_operator_class_bad)
  12 │         op.execute("CREATE INDEX CONCURRENTLY ix_insights_embedding ON workflow_insights USING ivfflat (embedding)")
     │         ^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^

  ix_insights_embedding names no operator class, so it serves Euclidean distance (<->) alone:
  searches by cosine distance read all of workflow_insights.

  Instead:
    with op.get_context().autocommit_block():
        op.create_index(
            "ix_insights_embedding",
            "workflow_insights",
            ["embedding"],
            postgresql_using="ivfflat",
            postgresql_ops={"embedding": "vector_cosine_ops"},
            postgresql_concurrently=True,
        )

1 revision, 1 statement judged for PostgreSQL 16: 1 warning.
"""


def test_bad_is_reported_in_these_words(examples):
    assert_says(examples, RULE, EXPECTED)

"""What the rule ``vector-without-dimension`` says of its example."""

from __future__ import annotations

from .verbs import assert_says

RULE = "vector-without-dimension"

EXPECTED = """\
warn[vector-without-dimension] vector_without_dimension_bad.py:11:5 (revision vector_without_dimension_bad)
  11 │     op.add_column("workflow_insights", sa.Column("title_embedding", Vector()))
     │     ^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^

  workflow_insights.title_embedding has no dimension: vectors of any size go in, and an HNSW or
  IVFFlat index on it is refused or breaks later.

  Instead:
    Write the dimension of the model, such as vector(1536).

1 revision, 1 statement judged for PostgreSQL 16: 1 warning.
"""


def test_bad_is_reported_in_these_words(examples):
    assert_says(examples, RULE, EXPECTED)

"""What the rule ``vector-build-memory`` says of its example."""

from __future__ import annotations

from .verbs import assert_says

RULE = "vector-build-memory"

EXPECTED = """\
info[vector-build-memory] vector_build_memory_bad.py:12:9 (revision vector_build_memory_bad)
  12 │         op.create_index(
  13 │             "ix_insights_embedding",
  14 │             "workflow_insights",
  15 │             ["embedding"],
     …
  19 │         )

  ix_insights_embedding is built with the server's maintenance_work_mem; beyond it the build on
  workflow_insights takes many times longer.

  Instead:
    op.execute("SET maintenance_work_mem = '2GB'")

1 revision, 1 statement judged for PostgreSQL 16: 1 remark.
"""


def test_bad_is_reported_in_these_words(examples):
    assert_says(examples, RULE, EXPECTED)

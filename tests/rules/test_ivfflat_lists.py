"""What the rule ``ivfflat-lists`` says of its example."""

from __future__ import annotations

from .verbs import assert_says

RULE = "ivfflat-lists"

EXPECTED = """\
info[ivfflat-lists] ivfflat_lists_bad.py:12:9 (revision ivfflat_lists_bad)
  12 │         op.create_index(
  13 │             "ix_insights_embedding",
  14 │             "workflow_insights",
  15 │             ["embedding"],
     …
  20 │         )

  10 lists for 1,000,000 rows of workflow_insights: pgvector advises about 1,000.

  Instead:
    WITH (lists = 1000)

1 revision, 1 statement judged for PostgreSQL 16: 1 remark.
"""


def test_bad_is_reported_in_these_words(examples):
    assert_says(examples, RULE, EXPECTED)

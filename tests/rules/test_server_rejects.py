"""What the rule ``server-rejects`` says of its example."""

from __future__ import annotations

from .verbs import assert_says

RULE = "server-rejects"

EXPECTED = """\
error[server-rejects] server_rejects_bad.py:12:9 (revision server_rejects_bad)
  12 │         op.create_index(
  13 │             "ix_insights_embedding",
  14 │             "workflow_insights",
  15 │             ["embedding"],
     …
  18 │         )

  PostgreSQL 16 will reject this: data type vector has no default operator class for access method
  "hnsw" (42704).

1 revision, 1 statement judged for PostgreSQL 16: 1 error.
"""


def test_bad_is_reported_in_these_words(examples):
    assert_says(examples, RULE, EXPECTED)

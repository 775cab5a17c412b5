"""What the rule ``index-option-without-rebuild`` says of its example."""

from __future__ import annotations

from .verbs import assert_says

RULE = "index-option-without-rebuild"

EXPECTED = """\
warn[index-option-without-rebuild] index_option_without_rebuild_bad.py:11:5 (revision index_option_without_rebuild_bad)
  11 │     op.execute("ALTER INDEX ix_insights_embedding SET (m = 32)")
     │     ^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^

  m of ix_insights_embedding is stored and changes nothing: the index stays as it was built until it
  is built again.

  Instead:
    with op.get_context().autocommit_block():
        op.execute("REINDEX INDEX CONCURRENTLY ix_insights_embedding")

1 revision, 1 statement judged for PostgreSQL 16: 1 warning.
"""


def test_bad_is_reported_in_these_words(examples):
    assert_says(examples, RULE, EXPECTED)

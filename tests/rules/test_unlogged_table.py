"""What the rule ``unlogged-table`` says of its example."""

from __future__ import annotations

from .verbs import assert_says

RULE = "unlogged-table"

EXPECTED = """\
info[unlogged-table] unlogged_table_bad.py:11:5 (revision unlogged_table_bad)
  11 │     op.execute("CREATE UNLOGGED TABLE event_counts (kind text PRIMARY KEY, events bigint NOT NULL)")
     │     ^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^

  event_counts is UNLOGGED: its rows are gone after a crash or a failover.

  Instead:
    Leave UNLOGGED out, unless its rows can be computed again at any time.

1 revision, 1 statement judged for PostgreSQL 16: 1 remark.
"""


def test_bad_is_reported_in_these_words(examples):
    assert_says(examples, RULE, EXPECTED)

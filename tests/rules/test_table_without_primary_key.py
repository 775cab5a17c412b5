"""What the rule ``table-without-primary-key`` says of its example."""

from __future__ import annotations

from .verbs import assert_says

RULE = "table-without-primary-key"

EXPECTED = """\
info[table-without-primary-key] table_without_primary_key_bad.py:11:5 (revision table_without_primary_key_bad)
  11 │     op.create_table("event_kinds", sa.Column("kind", sa.Text(), nullable=False))
     │     ^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^

  event_kinds has no primary key: backfills and logical replication cannot tell its rows apart.

  Instead:
    Give it a primary key here, where it costs nothing.

1 revision, 1 statement judged for PostgreSQL 16: 1 remark.
"""


def test_bad_is_reported_in_these_words(examples):
    assert_says(examples, RULE, EXPECTED)

"""What the rule ``type-change-reads-table`` says of its example."""

from __future__ import annotations

from .verbs import assert_says

RULE = "type-change-reads-table"

EXPECTED = """\
error[type-change-reads-table] type_change_reads_table_bad.py:11:5 (revision type_change_reads_table_bad)
  11 │     op.alter_column("events", "kind", type_=sa.Text())
     │     ^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^

  Changing the type of events.kind builds an index of events under ACCESS EXCLUSIVE: every query on
  events, SELECT included, waits until that is done (index ix_events_kind_lower is built again).

  Instead:
    Drop the index concurrently before and build it concurrently afterwards.

1 revision, 1 statement judged for PostgreSQL 16: 1 error.
"""


def test_bad_is_reported_in_these_words(examples):
    assert_says(examples, RULE, EXPECTED)

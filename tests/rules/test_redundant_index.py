"""What the rule ``redundant-index`` says of its example."""

from __future__ import annotations

from .verbs import assert_says

RULE = "redundant-index"

EXPECTED = """\
info[redundant-index] redundant_index_bad.py:12:9 (revision redundant_index_bad)
  12 │         op.create_index("ix_events_kind", "events", ["kind"], postgresql_concurrently=True)
     │         ^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^

  ix_events_kind_organization_id serves every query that ix_events_kind would serve; events pays for
  both on each write.

  Instead:
    Leave ix_events_kind out.

1 revision, 1 statement judged for PostgreSQL 16: 1 remark.
"""


def test_bad_is_reported_in_these_words(examples):
    assert_says(examples, RULE, EXPECTED)

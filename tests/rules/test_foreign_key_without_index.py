"""What the rule ``foreign-key-without-index`` says of its example."""

from __future__ import annotations

from .verbs import assert_says

RULE = "foreign-key-without-index"

EXPECTED = """\
info[foreign-key-without-index] foreign_key_without_index_bad.py:11:5 (revision foreign_key_without_index_bad)
  11 │     op.create_foreign_key(
  12 │         "events_organization_id_fkey", "events", "organizations", ["organization_id"], ["id"], postgresql_not_valid=True
  13 │     )

  No index of events begins with organization_id, so every DELETE on organizations reads all of it.

  Instead:
    with op.get_context().autocommit_block():
        op.create_index(
            "ix_events_organization_id",
            "events",
            ["organization_id"],
            postgresql_concurrently=True,
        )

1 revision, 1 statement judged for PostgreSQL 16: 1 remark.
"""


def test_bad_is_reported_in_these_words(examples):
    assert_says(examples, RULE, EXPECTED)

"""What the rule ``foreign-key-type-mismatch`` says of its example."""

from __future__ import annotations

from .verbs import assert_says

RULE = "foreign-key-type-mismatch"

EXPECTED = """\
warn[foreign-key-type-mismatch] foreign_key_type_mismatch_bad.py:11:5 (revision foreign_key_type_mismatch_bad)
  11 │     op.create_foreign_key(
  12 │         "events_organization_id_fkey", "events", "organizations", ["organization_id"], ["id"], postgresql_not_valid=True
  13 │     )

  events.organization_id is integer and references organizations.id, which is bigint: values that
  fit into one do not fit into the other.

  Instead:
    Make events.organization_id bigint.

1 revision, 1 statement judged for PostgreSQL 16: 1 warning.
"""


def test_bad_is_reported_in_these_words(examples):
    assert_says(examples, RULE, EXPECTED)

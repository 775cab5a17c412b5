"""What the rule ``foreign-key-validated-at-once`` says of its example."""

from __future__ import annotations

from .verbs import assert_says

RULE = "foreign-key-validated-at-once"

EXPECTED = """\
error[foreign-key-validated-at-once] foreign_key_validated_at_once_bad.py:11:5 (revision foreign_key_validated_at_once_bad)
  11 │     op.create_foreign_key("events_organization_id_fkey", "events", "organizations", ["organization_id"], ["id"])
     │     ^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^

  The foreign key events_organization_id_fkey checks every row of events at once: until the last one
  is checked, every INSERT, UPDATE and DELETE on events and organizations waits.

  Instead:
    op.create_foreign_key(
        "events_organization_id_fkey",
        "events",
        "organizations",
        ["organization_id"],
        ["id"],
        postgresql_not_valid=True,
    )
    with op.get_context().autocommit_block():
        op.execute("ALTER TABLE events VALIDATE CONSTRAINT events_organization_id_fkey")

1 revision, 1 statement judged for PostgreSQL 16: 1 error.
"""


def test_bad_is_reported_in_these_words(examples):
    assert_says(examples, RULE, EXPECTED)

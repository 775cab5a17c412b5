"""What the rule ``check-validated-at-once`` says of its example."""

from __future__ import annotations

from .verbs import assert_says

RULE = "check-validated-at-once"

EXPECTED = """\
error[check-validated-at-once] check_validated_at_once_bad.py:11:5 (revision check_validated_at_once_bad)
  11 │     op.create_check_constraint("events_kind_check", "events", "kind <> ''")
     │     ^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^

  The check events_kind_check tests every row of events under ACCESS EXCLUSIVE: every query on
  events, SELECT included, waits until the last row is tested.

  Instead:
    op.create_check_constraint(
        "events_kind_check",
        "events",
        "kind <> ''",
        postgresql_not_valid=True,
    )
    with op.get_context().autocommit_block():
        op.execute("ALTER TABLE events VALIDATE CONSTRAINT events_kind_check")

1 revision, 1 statement judged for PostgreSQL 16: 1 error.
"""


def test_bad_is_reported_in_these_words(examples):
    assert_says(examples, RULE, EXPECTED)

"""What the rule ``set-not-null-scan`` says of its example."""

from __future__ import annotations

from .verbs import assert_says

RULE = "set-not-null-scan"

EXPECTED = """\
error[set-not-null-scan] set_not_null_scan_bad.py:11:5 (revision set_not_null_scan_bad)
  11 │     op.alter_column("events", "organization_id", nullable=False)
     │     ^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^

  SET NOT NULL on organization_id reads all of events under ACCESS EXCLUSIVE: every query on events,
  SELECT included, waits until the last row is read.

  Instead:
    op.create_check_constraint(
        "events_organization_id_not_null",
        "events",
        "organization_id IS NOT NULL",
        postgresql_not_valid=True,
    )
    with op.get_context().autocommit_block():
        op.execute("ALTER TABLE events VALIDATE CONSTRAINT events_organization_id_not_null")
    op.alter_column("events", "organization_id", nullable=False)
    op.drop_constraint("events_organization_id_not_null", "events", type_="check")

1 revision, 1 statement judged for PostgreSQL 16: 1 error.
"""


def test_bad_is_reported_in_these_words(examples):
    assert_says(examples, RULE, EXPECTED)

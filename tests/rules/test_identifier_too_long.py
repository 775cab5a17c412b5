"""What the rule ``identifier-too-long`` says of its example."""

from __future__ import annotations

from .verbs import assert_says

RULE = "identifier-too-long"

EXPECTED = """\
warn[identifier-too-long] identifier_too_long_bad.py:12:9 (revision identifier_too_long_bad)
  12 │         op.execute(
  13 │             "CREATE INDEX CONCURRENTLY ix_events_organization_id_and_kind_for_the_dashboard_of_the_organization"
  14 │             " ON events (organization_id, kind)"
  15 │         )

  The name ix_events_organization_id_and_kind_for_the_dashboard_of_the_organization has 72 bytes;
  PostgreSQL keeps 63 and calls it ix_events_organization_id_and_kind_for_the_dashboard_of_the_org.

  Instead:
    Give it a name of at most 63 bytes.

1 revision, 1 statement judged for PostgreSQL 16: 1 warning.
"""


def test_bad_is_reported_in_these_words(examples):
    assert_says(examples, RULE, EXPECTED)

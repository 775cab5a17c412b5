"""What the rule ``autovacuum-disabled`` says of its example."""

from __future__ import annotations

from .verbs import assert_says

RULE = "autovacuum-disabled"

EXPECTED = """\
warn[autovacuum-disabled] autovacuum_disabled_bad.py:11:5 (revision autovacuum_disabled_bad)
  11 │     op.execute("ALTER TABLE events SET (autovacuum_enabled = false)")
     │     ^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^

  Autovacuum is off for events: dead rows stay, statistics go stale, and a wraparound vacuum comes
  at a time of its own choosing.

  Instead:
    op.execute("ALTER TABLE events SET (autovacuum_vacuum_scale_factor = 0.01)")

1 revision, 1 statement judged for PostgreSQL 16: 1 warning.
"""


def test_bad_is_reported_in_these_words(examples):
    assert_says(examples, RULE, EXPECTED)

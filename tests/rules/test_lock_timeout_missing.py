"""What the rule ``lock-timeout-missing`` says of its example."""

from __future__ import annotations

from .verbs import assert_says

RULE = "lock-timeout-missing"

EXPECTED = """\
warn[lock-timeout-missing] lock_timeout_missing_bad.py:11:5 (revision lock_timeout_missing_bad)
  11 │     op.add_column("events", sa.Column("language", sa.Text()))
     │     ^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^

  No lock_timeout is in force: while this statement waits for ACCESS EXCLUSIVE on events behind one
  long query, every query on events, SELECT included, waits behind it.

  Instead:
    op.execute("SET LOCAL lock_timeout = '2s'")

1 revision, 1 statement judged for PostgreSQL 16: 1 warning.
"""


def test_bad_is_reported_in_these_words(examples):
    assert_says(examples, RULE, EXPECTED)

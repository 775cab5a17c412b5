"""What the rule ``missing-backfill`` says of its example."""

from __future__ import annotations

from .verbs import assert_says

RULE = "missing-backfill"

EXPECTED = """\
error[missing-backfill] missing_backfill_bad.py:11:5 (revision missing_backfill_bad)
  11 │     op.execute("SELECT sluicegate.require_backfill('0042')")
     │     ^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^

  The revision waits for backfill 0042, which backfills/ does not have (there is none at all): its
  gate never opens and the deploy stops.

  Instead:
    Write backfills/0042_….py, or correct the number.

1 revision, 1 statement judged for PostgreSQL 16: 1 error.
"""


def test_bad_is_reported_in_these_words(examples):
    assert_says(examples, RULE, EXPECTED)

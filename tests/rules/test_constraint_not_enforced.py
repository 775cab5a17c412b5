"""What the rule ``constraint-not-enforced`` says of its example."""

from __future__ import annotations

from .verbs import assert_says

RULE = "constraint-not-enforced"

EXPECTED = """\
warn[constraint-not-enforced] constraint_not_enforced_bad.py:11:5 (revision constraint_not_enforced_bad)
  11 │     op.execute("ALTER TABLE events ADD CONSTRAINT events_kind_check CHECK (kind <> '') NOT ENFORCED")
     │     ^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^

  The constraint events_kind_check on events checks nothing: NOT ENFORCED holds neither for old rows
  nor for new ones.

  Instead:
    Write NOT VALID, which holds for new rows at once, and validate it in its own transaction.

1 revision, 1 statement judged for PostgreSQL 18: 1 warning.
"""


def test_bad_is_reported_in_these_words(examples):
    assert_says(examples, RULE, EXPECTED, version=18)

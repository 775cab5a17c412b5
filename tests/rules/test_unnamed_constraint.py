"""What the rule ``unnamed-constraint`` says of its example."""

from __future__ import annotations

from .verbs import assert_says

RULE = "unnamed-constraint"

EXPECTED = """\
info[unnamed-constraint] unnamed_constraint_bad.py:11:5 (revision unnamed_constraint_bad)
  11 │     op.execute("ALTER TABLE events ADD CHECK (kind <> '') NOT VALID")
     │     ^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^

  This constraint of events has no name: PostgreSQL makes one up, and a later revision must guess
  it.

  Instead:
    Name it.

1 revision, 1 statement judged for PostgreSQL 16: 1 remark.
"""


def test_bad_is_reported_in_these_words(examples):
    assert_says(examples, RULE, EXPECTED)

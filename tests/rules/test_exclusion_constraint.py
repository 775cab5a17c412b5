"""What the rule ``exclusion-constraint`` says of its example."""

from __future__ import annotations

from .verbs import assert_says

RULE = "exclusion-constraint"

EXPECTED = """\
error[exclusion-constraint] exclusion_constraint_bad.py:11:5 (revision exclusion_constraint_bad)
  11 │     op.create_exclude_constraint("bookings_no_overlap", "bookings", ("during", "&&"), using="gist")
     │     ^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^

  The exclusion constraint bookings_no_overlap builds its index on bookings under ACCESS EXCLUSIVE:
  every query on bookings, SELECT included, waits until the index is built; it has no concurrent
  form.

  Instead:
    Create a new table with the constraint and move the rows of bookings over, or reject overlaps in
    a trigger.

1 revision, 1 statement judged for PostgreSQL 16: 1 error.
"""


def test_bad_is_reported_in_these_words(examples):
    assert_says(examples, RULE, EXPECTED)

"""What the rule ``rewriting-type-change`` says of its example."""

from __future__ import annotations

from .verbs import assert_says

RULE = "rewriting-type-change"

EXPECTED = """\
error[rewriting-type-change] rewriting_type_change_bad.py:11:5 (revision rewriting_type_change_bad)
  11 │     op.alter_column("events", "attempts", type_=sa.BigInteger())
     │     ^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^

  Changing events.attempts from integer to bigint rewrites events and its indexes under ACCESS
  EXCLUSIVE: every query on events, SELECT included, waits until the last row is written.

  Instead:
    # this revision: the new column beside the old one
    op.add_column("events", sa.Column("attempts_new", sa.BigInteger()))

    # then, outside the deploy, a backfill that copies attempts into attempts_new; new rows get
    # both from the code or a trigger

    # a later revision, after the backfill is verified: swap by name, which takes a moment
    op.alter_column("events", "attempts", new_column_name="attempts_old")
    op.alter_column("events", "attempts_new", new_column_name="attempts")

1 revision, 1 statement judged for PostgreSQL 16: 1 error.
"""


def test_bad_is_reported_in_these_words(examples):
    assert_says(examples, RULE, EXPECTED)

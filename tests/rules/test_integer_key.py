"""What the rule ``integer-key`` says of its example."""

from __future__ import annotations

from .verbs import assert_says

RULE = "integer-key"

EXPECTED = """\
info[integer-key] integer_key_bad.py:11:5 (revision integer_key_bad)
  11 │     op.create_table("notes", sa.Column("id", sa.Integer(), sa.Identity(), primary_key=True))
     │     ^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^

  notes.id counts in integer and ends at 2,147,483,647; to widen it later rewrites the table and all
  that reference it.

  Instead:
    Make id bigint: sa.BigInteger().

1 revision, 1 statement judged for PostgreSQL 16: 1 remark.
"""


def test_bad_is_reported_in_these_words(examples):
    assert_says(examples, RULE, EXPECTED)

"""What the rule ``numbered-column`` says of its example."""

from __future__ import annotations

from .verbs import assert_says

RULE = "numbered-column"

EXPECTED = """\
error[numbered-column] numbered_column_bad.py:11:5 (revision numbered_column_bad)
  11 │     op.add_column("events", sa.Column("number", sa.BigInteger(), sa.Identity()))
     │     ^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^

  Numbering every row in number rewrites events under ACCESS EXCLUSIVE: every query on events,
  SELECT included, waits until the last row is written.

  Instead:
    # this revision: no rewrite, and new rows get numbers
    op.add_column("events", sa.Column("number", sa.BigInteger()))
    op.execute("CREATE SEQUENCE events_number_seq OWNED BY events.number")
    op.alter_column("events", "number", server_default=sa.text("nextval('events_number_seq')"))

    # then, outside the deploy, a backfill that numbers the rows where number IS NULL

1 revision, 1 statement judged for PostgreSQL 16: 1 error.
"""


def test_bad_is_reported_in_these_words(examples):
    assert_says(examples, RULE, EXPECTED)

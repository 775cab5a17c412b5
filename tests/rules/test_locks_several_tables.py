"""What the rule ``locks-several-tables`` says of its example."""

from __future__ import annotations

from .verbs import assert_says

RULE = "locks-several-tables"

EXPECTED = """\
info[locks-several-tables] locks_several_tables_bad.py:13:5 (revision locks_several_tables_bad)
  13 │     op.add_column("members", sa.Column("note", sa.Text()))
     │     ^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^

  From here on the transaction holds strong locks on events, members and organizations: whoever uses
  them in another order deadlocks with it, and all of them wait for the slowest.

  Instead:
    Give each table a revision, or an autocommit block, of its own.

1 revision, 3 statements judged for PostgreSQL 16: 1 remark.
"""


def test_bad_is_reported_in_these_words(examples):
    assert_says(examples, RULE, EXPECTED)

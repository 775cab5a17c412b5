"""What the rule ``autocommit-half-done`` says of its example."""

from __future__ import annotations

from .verbs import assert_says

RULE = "autocommit-half-done"

EXPECTED = """\
info[autocommit-half-done] autocommit_half_done_bad.py:11:5 (revision autocommit_half_done_bad)
  11 │     op.add_column("events", sa.Column("language", sa.Text()))
     │     ^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^

  This commits before the revision is done: if a later statement fails, running the revision again
  stops here.

  Instead:
    Make it repeatable with IF [NOT] EXISTS, or give the concurrent work a revision of its own.

1 revision, 2 statements judged for PostgreSQL 16: 1 remark.
"""


def test_bad_is_reported_in_these_words(examples):
    assert_says(examples, RULE, EXPECTED)

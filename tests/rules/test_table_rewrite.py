"""What the rule ``table-rewrite`` says of its example."""

from __future__ import annotations

from .verbs import assert_says

RULE = "table-rewrite"

EXPECTED = """\
error[table-rewrite] table_rewrite_bad.py:11:5 (revision table_rewrite_bad)
  11 │     op.execute("ALTER TABLE events SET UNLOGGED")
     │     ^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^

  The statement rewrites events under ACCESS EXCLUSIVE: every query on events, SELECT included,
  waits until the last row is written (the table becomes unlogged).

  Instead:
    Build the new form in a table or column beside it, fill it in batches, and switch by name.

1 revision, 1 statement judged for PostgreSQL 16: 1 error.
"""


def test_bad_is_reported_in_these_words(examples):
    assert_says(examples, RULE, EXPECTED)

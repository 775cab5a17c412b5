"""What the rule ``drop-extension`` says of its example."""

from __future__ import annotations

from .verbs import assert_says

RULE = "drop-extension"

EXPECTED = """\
error[drop-extension] drop_extension_bad.py:11:5 (revision drop_extension_bad)
  11 │     op.execute("DROP EXTENSION vector")
     │     ^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^

  Dropping the extension vector removes its types and functions for everybody in the database.

  Instead:
    Drop the columns and indexes that use it by name first, and leave CASCADE out.

1 revision, 1 statement judged for PostgreSQL 16: 1 error.
"""


def test_bad_is_reported_in_these_words(examples):
    assert_says(examples, RULE, EXPECTED)

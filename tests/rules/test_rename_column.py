"""What the rule ``rename-column`` says of its example."""

from __future__ import annotations

from .verbs import assert_says

RULE = "rename-column"

EXPECTED = """\
warn[rename-column] rename_column_bad.py:11:5 (revision rename_column_bad)
  11 │     op.alter_column("events", "kind", new_column_name="category")
     │     ^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^

  Renaming events.kind to category breaks running code: whatever still says kind fails from this
  moment, and whatever says category failed until now.

  Instead:
    Keep the column and map the new name in the code (category = mapped_column("kind")), or add
    category beside kind, write both, backfill, and drop kind a release later.

1 revision, 1 statement judged for PostgreSQL 16: 1 warning.
"""


def test_bad_is_reported_in_these_words(examples):
    assert_says(examples, RULE, EXPECTED)

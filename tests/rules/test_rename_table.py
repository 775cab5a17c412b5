"""What the rule ``rename-table`` says of its example."""

from __future__ import annotations

from .verbs import assert_says

RULE = "rename-table"

EXPECTED = """\
warn[rename-table] rename_table_bad.py:11:5 (revision rename_table_bad)
  11 │     op.rename_table("events", "incidents")
     │     ^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^

  Renaming events to incidents breaks running code: whatever still says events fails from this
  moment, and whatever says incidents failed until now.

  Instead:
    op.rename_table("events", "incidents")
    op.execute("CREATE VIEW events AS SELECT * FROM incidents")

1 revision, 1 statement judged for PostgreSQL 16: 1 warning.
"""


def test_bad_is_reported_in_these_words(examples):
    assert_says(examples, RULE, EXPECTED)

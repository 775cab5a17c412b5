"""What the rule ``json-column`` says of its example."""

from __future__ import annotations

from .verbs import assert_says

RULE = "json-column"

EXPECTED = """\
warn[json-column] json_column_bad.py:11:5 (revision json_column_bad)
  11 │     op.add_column("events", sa.Column("context", sa.JSON()))
     │     ^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^

  events.context is json, which has no equality: SELECT DISTINCT, GROUP BY and UNION over it fail.

  Instead:
    op.add_column("events", sa.Column("context", postgresql.JSONB()))

1 revision, 1 statement judged for PostgreSQL 16: 1 warning.
"""


def test_bad_is_reported_in_these_words(examples):
    assert_says(examples, RULE, EXPECTED)

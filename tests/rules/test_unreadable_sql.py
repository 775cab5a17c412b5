"""What the rule ``unreadable-sql`` says of its example."""

from __future__ import annotations

from .verbs import assert_says

RULE = "unreadable-sql"

EXPECTED = """\
error[unreadable-sql] unreadable_sql_bad.py:11:5 (revision unreadable_sql_bad)
  11 │     op.execute("ALTER TABLE events ADD COLUM language text")
     │     ^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^

  PostgreSQL's grammar does not accept this SQL: syntax error at or near "text".

unreadable_sql_bad.py: read in part: 1 statement could not be parsed
1 revision, 1 statement judged for PostgreSQL 16: 1 error.
Something could not be read, so this is no clean bill (exit code 3).
"""


def test_bad_is_reported_in_these_words(examples):
    assert_says(examples, RULE, EXPECTED)

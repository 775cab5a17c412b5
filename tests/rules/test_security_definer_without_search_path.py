"""What the rule ``security-definer-without-search-path`` says of its example."""

from __future__ import annotations

from .verbs import assert_says

RULE = "security-definer-without-search-path"

EXPECTED = """\
warn[security-definer-without-search-path] security_definer_without_search_path_bad.py:11:5 (revision security_definer_without_search_path_bad)
  11 │     op.execute(
  12 │         "CREATE FUNCTION count_events() RETURNS bigint LANGUAGE sql SECURITY DEFINER"
  13 │         " AS 'SELECT count(*) FROM events'"
  14 │     )

  count_events runs with its owner's rights and looks up names in its caller's search_path: a caller
  can put a function or table of their own in its way.

  Instead:
    Add SET search_path = '' to the function, and qualify the names in its body.

1 revision, 1 statement judged for PostgreSQL 16: 1 warning.
"""


def test_bad_is_reported_in_these_words(examples):
    assert_says(examples, RULE, EXPECTED)

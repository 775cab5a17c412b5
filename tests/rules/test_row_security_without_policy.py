"""What the rule ``row-security-without-policy`` says of its example."""

from __future__ import annotations

from .verbs import assert_says

RULE = "row-security-without-policy"

EXPECTED = """\
warn[row-security-without-policy] row_security_without_policy_bad.py:11:5 (revision row_security_without_policy_bad)
  11 │     op.execute("ALTER TABLE events ENABLE ROW LEVEL SECURITY")
     │     ^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^

  events has row security and no policy when this revision ends: everybody but its owner sees it
  empty.

  Instead:
    Create the policies first: CREATE POLICY … ON events … USING (…).

1 revision, 1 statement judged for PostgreSQL 16: 1 warning.
"""


def test_bad_is_reported_in_these_words(examples):
    assert_says(examples, RULE, EXPECTED)

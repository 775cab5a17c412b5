"""What the rule ``constrained-domain-column`` says of its example."""

from __future__ import annotations

from .verbs import assert_says

RULE = "constrained-domain-column"

EXPECTED = """\
error[constrained-domain-column] constrained_domain_column_bad.py:11:5 (revision constrained_domain_column_bad)
  11 │     op.execute("ALTER TABLE events ADD COLUMN language language_code")
     │     ^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^

  The domain language_code is tested for every row of language, which rewrites events under ACCESS
  EXCLUSIVE: every query on events, SELECT included, waits until the last row is written.

  Instead:
    Add language with the type below the domain, and its condition as a CHECK of the table: NOT
    VALID first, validated in its own transaction.

1 revision, 1 statement judged for PostgreSQL 16: 1 error.
"""


def test_bad_is_reported_in_these_words(examples):
    assert_says(examples, RULE, EXPECTED)

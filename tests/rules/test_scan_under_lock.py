"""What the rule ``scan-under-lock`` says of its example."""

from __future__ import annotations

from .verbs import assert_says

RULE = "scan-under-lock"

EXPECTED = """\
error[scan-under-lock] scan_under_lock_bad.py:11:5 (revision scan_under_lock_bad)
  11 │     op.execute("ALTER DOMAIN language_code ADD CONSTRAINT language_code_check CHECK (VALUE <> '')")
     │     ^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^

  The statement reads every row of events under SHARE: every INSERT, UPDATE and DELETE on events
  waits until that is done (the domain language_code of column language gets a constraint).

1 revision, 1 statement judged for PostgreSQL 16: 1 error.
"""


def test_bad_is_reported_in_these_words(examples):
    assert_says(examples, RULE, EXPECTED)

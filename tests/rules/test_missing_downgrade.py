"""What the rule ``missing-downgrade`` says of its example."""

from __future__ import annotations

from .verbs import assert_says

RULE = "missing-downgrade"

EXPECTED = """\
info[missing-downgrade] missing_downgrade_bad.py:10:1 (revision missing_downgrade_bad)
  10 │ def upgrade():
     │ ^^^^^^^^^^^^^^

  The revision changes the schema, and its downgrade() does nothing: rolled back, it leaves its
  changes behind.

  Instead:
    Undo them in downgrade(), or raise an error there that says why that is impossible.

1 revision, 1 statement judged for PostgreSQL 16: 1 remark.
"""


def test_bad_is_reported_in_these_words(examples):
    assert_says(examples, RULE, EXPECTED)

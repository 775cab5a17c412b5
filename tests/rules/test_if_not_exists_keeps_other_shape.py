"""What the rule ``if-not-exists-keeps-other-shape`` says of its example."""

from __future__ import annotations

from .verbs import assert_says

RULE = "if-not-exists-keeps-other-shape"

EXPECTED = """\
warn[if-not-exists-keeps-other-shape] if_not_exists_keeps_other_shape_bad.py:14:5 (revision if_not_exists_keeps_other_shape_bad)
  14 │     op.execute("ALTER TABLE events ADD COLUMN IF NOT EXISTS kind integer")
     │     ^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^

  Column events.kind exists already with another shape (varchar(50), not integer), so IF NOT EXISTS
  skips this statement and reports success.

  Instead:
    Give it a name of its own, or change what exists with ALTER.

1 revision, 3 statements judged for PostgreSQL 16: 1 warning.
"""


def test_bad_is_reported_in_these_words(examples):
    assert_says(examples, RULE, EXPECTED)

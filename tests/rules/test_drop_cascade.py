"""What the rule ``drop-cascade`` says of its example."""

from __future__ import annotations

from .verbs import assert_says

RULE = "drop-cascade"

EXPECTED = """\
error[drop-cascade] drop_cascade_bad.py:11:5 (revision drop_cascade_bad)
  11 │     op.execute("DROP TYPE event_state CASCADE")
     │     ^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^

  CASCADE silently takes the column events.state along.

  Instead:
    Drop what depends on it by name, and leave CASCADE out: the server refuses if something is left.

1 revision, 1 statement judged for PostgreSQL 16: 1 error.
"""


def test_bad_is_reported_in_these_words(examples):
    assert_says(examples, RULE, EXPECTED)

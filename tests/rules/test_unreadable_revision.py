"""What the rule ``unreadable-revision`` says of its example."""

from __future__ import annotations

from .verbs import assert_says

RULE = "unreadable-revision"

EXPECTED = """\
error[unreadable-revision] unreadable_revision_bad.py:11:5 (revision unreadable_revision_bad)
  11 │     raise RuntimeError("this revision was withdrawn")
     │     ^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^

  The revision could not be read: upgrade() stops with RuntimeError: this revision was withdrawn.

  Instead:
    Try it on a clone of production's schema with: sluicegate dry-run

unreadable_revision_bad.py: unreadable: upgrade() stops with RuntimeError: this revision was withdrawn
1 revision, 0 statements judged for PostgreSQL 16: 1 error.
Something could not be read, so this is no clean bill (exit code 3).
"""


def test_bad_is_reported_in_these_words(examples):
    assert_says(examples, RULE, EXPECTED)

"""What the rule ``comment-names-missing-path`` says of its example."""

from __future__ import annotations

from .verbs import assert_says

RULE = "comment-names-missing-path"

EXPECTED = """\
error[comment-names-missing-path] comment_names_missing_path_bad.py:11:31 (revision comment_names_missing_path_bad)
  11 │     # Fill it afterwards with scripts/backfill_event_language.sh
     │                               ^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^

  The comment names scripts/backfill_event_language.sh, and the project has no such file.

  Instead:
    Correct the path, or add the file in the same change.

1 revision, 1 statement judged for PostgreSQL 16: 1 error.
"""


def test_bad_is_reported_in_these_words(examples):
    assert_says(examples, RULE, EXPECTED)

"""What the rule ``could-not-judge`` says of its example."""

from __future__ import annotations

from .verbs import assert_says

RULE = "could-not-judge"

EXPECTED = """\
warn[could-not-judge] could_not_judge_bad.py:11:5 (revision could_not_judge_bad)
  11 │     op.execute(
  12 │         '''
  13 │         DO $$
  14 │         DECLARE name text;
     …
  22 │     )

  What this statement does could not be told: EXECUTE runs SQL that is put together at run time:
  format('ALTER TABLE %I ADD COLUMN language text', name).

  Instead:
    Give the schema with --schema, or try the revision with: sluicegate dry-run

1 revision, 2 statements judged for PostgreSQL 16: 1 warning.
Something could not be judged, so this is no clean bill (exit code 3).
"""


def test_bad_is_reported_in_these_words(examples):
    assert_says(examples, RULE, EXPECTED)

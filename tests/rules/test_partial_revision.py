"""What the rule ``partial-revision`` says of its example."""

from __future__ import annotations

from .verbs import assert_says

RULE = "partial-revision"

EXPECTED = """\
warn[partial-revision] partial_revision_bad.py:11:16 (revision partial_revision_bad)
  11 │     for row in op.get_bind().execute(sa.text("SELECT DISTINCT kind FROM events")):
     │                ^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^

  The revision was read in part: it reads rows that only the database has (SELECT DISTINCT kind FROM
  events).

  Instead:
    Try it on a clone of production's schema with: sluicegate dry-run

partial_revision_bad.py: read in part: it reads rows that only the database has (SELECT DISTINCT kind FROM events)
1 revision, 1 statement judged for PostgreSQL 16: 1 warning.
Something could not be judged, so this is no clean bill (exit code 3).
"""


def test_bad_is_reported_in_these_words(examples):
    assert_says(examples, RULE, EXPECTED)

"""What the rule ``if-not-exists-hides-invalid-index`` says of its example."""

from __future__ import annotations

from .verbs import assert_says

RULE = "if-not-exists-hides-invalid-index"

EXPECTED = """\
warn[if-not-exists-hides-invalid-index] if_not_exists_hides_invalid_index_bad.py:12:9 (revision if_not_exists_hides_invalid_index_bad)
  12 │         op.create_index("ix_events_kind", "events", ["kind"], if_not_exists=True, postgresql_concurrently=True)
     │         ^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^

  If an earlier build of ix_events_kind was interrupted, IF NOT EXISTS keeps its broken remains and
  reports success: every write maintains the index and no query uses it.

  Instead:
    with op.get_context().autocommit_block():
        op.execute("DROP INDEX CONCURRENTLY IF EXISTS ix_events_kind")
    with op.get_context().autocommit_block():
        op.create_index("ix_events_kind", "events", ["kind"], postgresql_concurrently=True)

1 revision, 1 statement judged for PostgreSQL 16: 1 warning.
"""


def test_bad_is_reported_in_these_words(examples):
    assert_says(examples, RULE, EXPECTED)

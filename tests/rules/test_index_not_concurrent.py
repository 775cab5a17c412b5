"""What the rule ``index-not-concurrent`` says of its example."""

from __future__ import annotations

from .verbs import assert_says

RULE = "index-not-concurrent"

EXPECTED = """\
error[index-not-concurrent] index_not_concurrent_bad.py:11:5 (revision index_not_concurrent_bad)
  11 │     op.create_index("ix_events_organization_id", "events", ["organization_id"])
     │     ^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^

  Building ix_events_organization_id reads all of events under SHARE: every INSERT, UPDATE and
  DELETE on events waits until the index is built.

  Instead:
    with op.get_context().autocommit_block():
        op.create_index(
            "ix_events_organization_id",
            "events",
            ["organization_id"],
            postgresql_concurrently=True,
        )

1 revision, 1 statement judged for PostgreSQL 16: 1 error.
"""


def test_bad_is_reported_in_these_words(examples):
    assert_says(examples, RULE, EXPECTED)

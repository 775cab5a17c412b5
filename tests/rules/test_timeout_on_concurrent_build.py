"""What the rule ``timeout-on-concurrent-build`` says of its example."""

from __future__ import annotations

from .verbs import assert_says

RULE = "timeout-on-concurrent-build"

EXPECTED = """\
warn[timeout-on-concurrent-build] timeout_on_concurrent_build_bad.py:13:9 (revision timeout_on_concurrent_build_bad)
  13 │         op.create_index("ix_events_kind", "events", ["kind"], postgresql_concurrently=True)
     │         ^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^

  The build on events is cancelled after 30s, the statement_timeout in force, and then leaves an
  invalid index behind.

  Instead:
    with op.get_context().autocommit_block():
        op.execute("SET statement_timeout = 0")
        op.execute("CREATE INDEX CONCURRENTLY ix_events_kind ON events (kind)")
        op.execute("RESET statement_timeout")

1 revision, 2 statements judged for PostgreSQL 16: 1 warning.
"""


def test_bad_is_reported_in_these_words(examples):
    assert_says(examples, RULE, EXPECTED)

"""What the rule ``concurrent-in-transaction`` says of its example."""

from __future__ import annotations

from .verbs import assert_says

RULE = "concurrent-in-transaction"

EXPECTED = """\
error[concurrent-in-transaction] concurrent_in_transaction_bad.py:11:5 (revision concurrent_in_transaction_bad)
  11 │     op.create_index("ix_events_kind", "events", ["kind"], postgresql_concurrently=True)
     │     ^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^

  PostgreSQL refuses CREATE INDEX CONCURRENTLY inside the transaction that Alembic opens: the deploy
  stops here and the transaction is rolled back.

  Instead:
    with op.get_context().autocommit_block():
        op.execute("CREATE INDEX CONCURRENTLY ix_events_kind ON events (kind)")

1 revision, 1 statement judged for PostgreSQL 16: 1 error.
"""


def test_bad_is_reported_in_these_words(examples):
    assert_says(examples, RULE, EXPECTED)

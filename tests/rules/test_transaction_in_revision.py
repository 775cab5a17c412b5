"""What the rule ``transaction-in-revision`` says of its example."""

from __future__ import annotations

from .verbs import assert_says

RULE = "transaction-in-revision"

EXPECTED = """\
warn[transaction-in-revision] transaction_in_revision_bad.py:12:5 (revision transaction_in_revision_bad)
  12 │     op.execute("COMMIT")
     │     ^^^^^^^^^^^^^^^^^^^^

  COMMIT takes the transaction away from Alembic: what came before is committed without its version,
  and a failure afterwards leaves half a revision.

  Instead:
    with op.get_context().autocommit_block():
        ...

1 revision, 2 statements judged for PostgreSQL 16: 1 warning.
"""


def test_bad_is_reported_in_these_words(examples):
    assert_says(examples, RULE, EXPECTED)

"""What the rule ``validate-in-same-transaction`` says of its example."""

from __future__ import annotations

from .verbs import assert_says

RULE = "validate-in-same-transaction"

EXPECTED = """\
error[validate-in-same-transaction] validate_in_same_transaction_bad.py:12:5 (revision validate_in_same_transaction_bad)
  12 │     op.execute("ALTER TABLE events VALIDATE CONSTRAINT events_kind_check")
     │     ^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^

  events_kind_check was added in the same transaction, so its validation reads all of events under
  ACCESS EXCLUSIVE: every query on events, SELECT included, waits until it commits.

  Instead:
    with op.get_context().autocommit_block():
        op.execute("ALTER TABLE events VALIDATE CONSTRAINT events_kind_check")

1 revision, 2 statements judged for PostgreSQL 16: 1 error.
"""


def test_bad_is_reported_in_these_words(examples):
    assert_says(examples, RULE, EXPECTED)

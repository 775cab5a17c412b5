"""What the rule ``set-local-lost-at-autocommit`` says of its example."""

from __future__ import annotations

from .verbs import assert_says

RULE = "set-local-lost-at-autocommit"

EXPECTED = """\
warn[set-local-lost-at-autocommit] set_local_lost_at_autocommit_bad.py:12:9 (revision set_local_lost_at_autocommit_bad)
  12 │         op.execute("SET LOCAL maintenance_work_mem = '1GB'")
     │         ^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^

  SET LOCAL maintenance_work_mem outside a transaction has no effect; PostgreSQL only warns.

  Instead:
    op.execute("SET maintenance_work_mem = '1GB'")

1 revision, 2 statements judged for PostgreSQL 16: 1 warning.
"""


def test_bad_is_reported_in_these_words(examples):
    assert_says(examples, RULE, EXPECTED)

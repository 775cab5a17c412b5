"""What the rule ``detach-partition-not-concurrent`` says of its example."""

from __future__ import annotations

from .verbs import assert_says

RULE = "detach-partition-not-concurrent"

EXPECTED = """\
error[detach-partition-not-concurrent] detach_partition_not_concurrent_bad.py:11:5 (revision detach_partition_not_concurrent_bad)
  11 │     op.execute("ALTER TABLE measurements DETACH PARTITION measurements_2024")
     │     ^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^

  Detaching measurements_2024 locks the whole of measurements under ACCESS EXCLUSIVE: every query on
  measurements, SELECT included, waits until it commits.

  Instead:
    with op.get_context().autocommit_block():
        op.execute("ALTER TABLE measurements DETACH PARTITION measurements_2024 CONCURRENTLY")

1 revision, 1 statement judged for PostgreSQL 16: 1 error.
"""


def test_bad_is_reported_in_these_words(examples):
    assert_says(examples, RULE, EXPECTED)

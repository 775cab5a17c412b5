"""What the rule ``attach-partition-scan`` says of its example."""

from __future__ import annotations

from .verbs import assert_says

RULE = "attach-partition-scan"

EXPECTED = """\
error[attach-partition-scan] attach_partition_scan_bad.py:11:5 (revision attach_partition_scan_bad)
  11 │     op.execute(
  12 │         "ALTER TABLE measurements ATTACH PARTITION measurements_2024 FOR VALUES FROM ('2024-01-01') TO ('2025-01-01')"
  13 │     )

  To prove where its rows belong, every row of measurements_2024 is read under ACCESS EXCLUSIVE:
  every query on measurements_2024, SELECT included, waits until the last row is checked.

  Instead:
    Add a CHECK to measurements_2024 that proves it, NOT VALID, validate it in its own transaction,
    then attach, then drop the CHECK.

1 revision, 1 statement judged for PostgreSQL 16: 1 error.
"""


def test_bad_is_reported_in_these_words(examples):
    assert_says(examples, RULE, EXPECTED)

"""What the rule ``append-only-violation`` says of its example."""

from __future__ import annotations

from .verbs import assert_says

RULE = "append-only-violation"

EXPECTED = """\
error[append-only-violation] append_only_violation_bad.py:11:5 (revision append_only_violation_bad)
  11 │     op.add_column("events", sa.Column("has_embedding", sa.Boolean()))
     │     ^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^

  events is append-only, and has_embedding would have to be written into rows that are already
  there: each of them is written a second time, and rows that arrive later stay empty unless
  something updates them too.

  Instead:
    Keep it in a table beside events, filled by a backfill, or follow new rows with a high
    watermark.

    op.create_table(
        "event_has_embedding",
        sa.Column("event_id", sa.BigInteger(), primary_key=True, autoincrement=False),
        sa.Column("has_embedding", sa.Boolean()),
    )

1 revision, 1 statement judged for PostgreSQL 16: 1 error.
"""


def test_bad_is_reported_in_these_words(examples):
    assert_says(examples, RULE, EXPECTED)

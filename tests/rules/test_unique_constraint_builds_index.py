"""What the rule ``unique-constraint-builds-index`` says of its example."""

from __future__ import annotations

from .verbs import assert_says

RULE = "unique-constraint-builds-index"

EXPECTED = """\
error[unique-constraint-builds-index] unique_constraint_builds_index_bad.py:11:5 (revision unique_constraint_builds_index_bad)
  11 │     op.create_unique_constraint("events_kind_key", "events", ["kind"])
     │     ^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^

  The unique constraint events_kind_key builds its index on events under ACCESS EXCLUSIVE: every
  query on events, SELECT included, waits until the index is built.

  Instead:
    with op.get_context().autocommit_block():
        op.create_index(
            "events_kind_key",
            "events",
            ["kind"],
            unique=True,
            postgresql_concurrently=True,
        )
    op.execute(
        "ALTER TABLE events ADD CONSTRAINT events_kind_key UNIQUE USING INDEX events_kind_key"
    )

1 revision, 1 statement judged for PostgreSQL 16: 1 error.
"""


def test_bad_is_reported_in_these_words(examples):
    assert_says(examples, RULE, EXPECTED)

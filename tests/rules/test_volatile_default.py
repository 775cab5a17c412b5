"""What the rule ``volatile-default`` says of its example."""

from __future__ import annotations

from .verbs import assert_says

RULE = "volatile-default"

EXPECTED = """\
error[volatile-default] volatile_default_bad.py:11:5 (revision volatile_default_bad)
  11 │     op.add_column("events", sa.Column("public_id", sa.Uuid(), server_default=sa.text("gen_random_uuid()")))
     │     ^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^

  The default gen_random_uuid() is computed for each row, which rewrites events under ACCESS
  EXCLUSIVE: every query on events, SELECT included, waits until the last row is written.

  Instead:
    # this revision: no rewrite, and new rows get the default
    op.add_column("events", sa.Column("public_id", sa.Uuid()))
    op.alter_column("events", "public_id", server_default=sa.text("gen_random_uuid()"))

    # then, outside the deploy, a backfill that sets public_id = gen_random_uuid() where public_id
    # IS NULL

1 revision, 1 statement judged for PostgreSQL 16: 1 error.
"""


def test_bad_is_reported_in_these_words(examples):
    assert_says(examples, RULE, EXPECTED)

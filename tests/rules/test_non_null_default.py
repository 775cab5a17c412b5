"""What the rule ``non-null-default`` says of its example."""

from __future__ import annotations

from .verbs import assert_fires_without_schema, assert_says

RULE = "non-null-default"

EXPECTED = """\
error[non-null-default] non_null_default_bad.py:11:5 (revision non_null_default_bad)
  11 │     op.add_column("events", sa.Column("has_embedding", sa.Boolean(), nullable=False, server_default=sa.false()))
     │     ^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^

  Every existing row of events gets has_embedding = false without being looked at: rows that look
  computed and are not. PostgreSQL does not rewrite the table for this; it is the data that is
  harmed.

  Instead:
    # this revision: NULL means not yet; the default is for rows to come
    op.add_column("events", sa.Column("has_embedding", sa.Boolean()))
    op.alter_column("events", "has_embedding", server_default=sa.text("false"))

    # a later revision, after the backfill is verified
    op.create_check_constraint(
        "events_has_embedding_not_null",
        "events",
        "has_embedding IS NOT NULL",
        postgresql_not_valid=True,
    )
    with op.get_context().autocommit_block():
        op.execute("ALTER TABLE events VALIDATE CONSTRAINT events_has_embedding_not_null")
    op.alter_column("events", "has_embedding", nullable=False)
    op.drop_constraint("events_has_embedding_not_null", "events", type_="check")

1 revision, 1 statement judged for PostgreSQL 16: 1 error.
"""


def test_bad_is_reported_in_these_words(examples):
    assert_says(examples, RULE, EXPECTED)


def test_it_does_not_claim_what_could_not_be_told_about_the_rewrite(tmp_path):
    message = assert_fires_without_schema(
        RULE, "ALTER TABLE events ADD COLUMN x int DEFAULT of_the_application()", tmp_path
    )
    assert message.endswith("Whether PostgreSQL also rewrites the table for this could not be told.")

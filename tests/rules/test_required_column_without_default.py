"""What the rule ``required-column-without-default`` says of its example."""

from __future__ import annotations

from .verbs import assert_says

RULE = "required-column-without-default"

EXPECTED = """\
error[required-column-without-default] required_column_without_default_bad.py:11:5 (revision required_column_without_default_bad)
  11 │     op.add_column("events", sa.Column("language", sa.Text(), nullable=False))
     │     ^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^

  language is NOT NULL and has no default, so adding it fails as soon as events holds a row: it
  works on an empty database and stops the deploy in production.

  Instead:
    # this revision
    op.add_column("events", sa.Column("language", sa.Text()))

    # a later revision, after the backfill is verified
    op.create_check_constraint(
        "events_language_not_null",
        "events",
        "language IS NOT NULL",
        postgresql_not_valid=True,
    )
    with op.get_context().autocommit_block():
        op.execute("ALTER TABLE events VALIDATE CONSTRAINT events_language_not_null")
    op.alter_column("events", "language", nullable=False)
    op.drop_constraint("events_language_not_null", "events", type_="check")

1 revision, 1 statement judged for PostgreSQL 16: 1 error.
"""


def test_bad_is_reported_in_these_words(examples):
    assert_says(examples, RULE, EXPECTED)

"""What the rule ``rewriting-type-change`` says of its example."""

from __future__ import annotations

import pytest

from .verbs import assert_fires_without_schema, assert_says, judge_without_schema

RULE = "rewriting-type-change"

EXPECTED = """\
error[rewriting-type-change] rewriting_type_change_bad.py:11:5 (revision rewriting_type_change_bad)
  11 │     op.alter_column("events", "attempts", type_=sa.BigInteger())
     │     ^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^

  Changing events.attempts from integer to bigint rewrites events and its indexes under ACCESS
  EXCLUSIVE: every query on events, SELECT included, waits until the last row is written.

  Instead:
    # this revision: the new column beside the old one
    op.add_column("events", sa.Column("attempts_new", sa.BigInteger()))

    # then, outside the deploy, a backfill that copies attempts into attempts_new; new rows get
    # both from the code or a trigger

    # a later revision, after the backfill is verified: swap by name, which takes a moment
    op.alter_column("events", "attempts", new_column_name="attempts_old")
    op.alter_column("events", "attempts_new", new_column_name="attempts")

1 revision, 1 statement judged for PostgreSQL 16: 1 error.
"""


def test_bad_is_reported_in_these_words(examples):
    assert_says(examples, RULE, EXPECTED)


@pytest.mark.parametrize(
    "change",
    [
        "bigint",
        "jsonb",
        "uuid",
        "boolean",
        "bigint[]",
        "vector(3)",
        "bigint USING c::bigint",
        "text USING upper(c)",
        "date USING d(c)",
    ],
)
def test_a_type_that_nothing_else_becomes_unconverted_rewrites_whatever_it_was(tmp_path, change):
    message = assert_fires_without_schema(RULE, f"ALTER TABLE events ALTER COLUMN c TYPE {change}", tmp_path)
    assert "(its type is not known here; nothing happens if it is" in message


@pytest.mark.parametrize("change", ["text", "varchar(200)", "numeric(12,2)", "timestamptz", "inet"])
def test_a_type_that_some_columns_become_unconverted_cannot_be_told_without_the_schema(tmp_path, change):
    report = judge_without_schema(f"ALTER TABLE events ALTER COLUMN c TYPE {change}", tmp_path)
    assert [finding.rule for finding in report.findings] == ["could-not-judge"]
    assert int(report.exit_code) == 3

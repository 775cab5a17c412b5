"""A NOT NULL column with a constant default claims a fact about rows that nobody has looked at.

## What it does

`ADD COLUMN … NOT NULL DEFAULT constant` gives every existing row the default at once. PostgreSQL 11 and later keep it
in the catalog and do not rewrite the table.

## Why it hurts

The lock is short. The harm is in the data: rows that were never computed look computed. `has_embedding = false` on a
row that has an embedding, `language = 'en'` on a text nobody has read: no query can tell them from real answers, a
backfill cannot find what is left to do, and a gate cannot prove that it is complete.

## Instead

Add the column nullable and without a default, so that NULL means "not yet". Give future rows their default with SET
DEFAULT where it is true for them, backfill the old rows, verify, and mark the column NOT NULL in a later revision.

## When it is fine

Where the default is a true statement about every existing row. Allow it there with a comment that says why, or relax
the rule for the project: `[rules.non-null-default] allow_constant = true`.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from sluicegate.findings import Level
from sluicegate.rules.kit.operations import add_column, not_null_by_check, set_default
from sluicegate.rules.kit.remedy import Revision, phased
from sluicegate.rules.kit.rule import Option, Problem, Rule
from sluicegate.rules.kit.spelling import expression_sql, identifier

if TYPE_CHECKING:
    from collections.abc import Iterator

    from sluicegate.rules.kit.context import Context

RULE = Rule(
    name="non-null-default",
    level=Level.ERROR,
    options=(Option("allow_constant", False, "Accept every constant NOT NULL default."),),
)

SETUP = """
CREATE TABLE events (id bigint PRIMARY KEY, payload_text text NOT NULL);
"""

BAD = """
op.add_column("events", sa.Column("has_embedding", sa.Boolean(), nullable=False, server_default=sa.false()))
"""

GOOD = """
op.add_column("events", sa.Column("has_embedding", sa.Boolean()))
"""


def check(context: Context) -> Iterator[Problem]:
    """Judge each column that is added NOT NULL with a default that does not rewrite."""
    for column in context.added_columns():
        default = column.default
        if default is None or not column.not_null or context.option("allow_constant") or context.rewritten(column):
            continue
        table, name = context.described(column.table), identifier(column.name)
        yield Problem(
            f"Every existing row of {table} gets {name} = {expression_sql(default)} without being looked at: rows that "
            "look computed and are not. PostgreSQL does not rewrite the table for this; the data is what it harms.",
            phased(
                Revision(
                    "this revision: NULL means not yet; the default is for rows to come",
                    (
                        add_column(column.table, column.name, column.type_name),
                        set_default(column.table, column.name, default),
                    ),
                ),
                Revision(
                    "a later revision, after the backfill is verified", not_null_by_check(column.table, column.name)
                ),
            ),
        )

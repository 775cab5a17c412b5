"""A default on an added column claims something about every old row that nobody has looked at.

## What it does

`ADD COLUMN … DEFAULT value` gives every existing row the value at once, nullable or not. PostgreSQL 11 and later keep
it in the catalog and do not rewrite the table; `now()` counts too, as the moment of the migration.

## Why it hurts

The lock is short. The harm is in the data: rows that were never computed look computed. `has_embedding = false` on a
row that has an embedding, `language = 'en'` on a text nobody has read, `updated_at` on the day of the deploy: no
query can tell them from real answers, a backfill cannot find what is left to do, and a gate cannot prove that it is
complete.

## Instead

Add the column nullable and without a default, so that NULL means "not yet". Give future rows their default with SET
DEFAULT where it is true for them, backfill the old rows, verify, and mark the column NOT NULL in a later revision.

## When it is fine

`DEFAULT NULL`, and any default on a table that the same revision creates. Where the value is a true statement about
every existing row, allow it with a comment that says why, or relax the rule for the project with
`[rules.non-null-default] allow_constant = true`.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from sluicegate.findings import Level
from sluicegate.rules.kit.operations import add_column, not_null_by_check, set_default
from sluicegate.rules.kit.remedy import Revision, phased
from sluicegate.rules.kit.rule import Option, Problem, Rule
from sluicegate.rules.kit.spelling import expression_sql, identifier, is_null

if TYPE_CHECKING:
    from collections.abc import Iterator

    from sluicegate.rules.kit.context import Context

RULE = Rule(
    name="non-null-default",
    level=Level.ERROR,
    options=(Option("allow_constant", False, "Accept every default that does not rewrite the table."),),
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
    """Judge each default that old rows get without a rewrite."""
    for column in context.added_columns():
        domain = context.domain_of(column)
        inherited = domain.default.node if domain is not None and domain.default is not None else None
        default = column.default if column.default is not None else inherited
        if default is None or is_null(default) or context.rewritten(column) or context.option("allow_constant"):
            continue
        table, name = context.described(column.table), identifier(column.name)
        steps = (
            add_column(column.table, column.name, column.type_name),
            set_default(column.table, column.name, default),
        )
        now = Revision("this revision: NULL means not yet; the default is for rows to come", steps)
        later = Revision(
            "a later revision, after the backfill is verified", not_null_by_check(column.table, column.name)
        )
        beside = "PostgreSQL does not rewrite the table for this; it is the data that is harmed."
        if context.is_uncertain:
            beside = "Whether PostgreSQL also rewrites the table for this could not be told."
        yield Problem(
            f"Every existing row of {table} gets {name} = {expression_sql(default)} without being looked at: rows that "
            f"look computed and are not. {beside}",
            phased(now, later) if column.not_null else phased(now),
        )

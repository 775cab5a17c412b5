"""A volatile default on an added column rewrites the whole table.

## What it does

`ADD COLUMN … DEFAULT gen_random_uuid()` (or `clock_timestamp()`, `random()`, `nextval(…)`, also deep inside an
expression) must be computed for each existing row, so the table and all its indexes are written anew.

## Why it hurts

The rewrite runs under ACCESS EXCLUSIVE: every query on the table waits, SELECT included, until the last row is
written.

## Instead

Add the column without a default, set the default for rows to come in a second statement, and fill the old rows in
batches with a backfill.

## When it is fine

Stable functions such as `now()` are computed once for all rows and rewrite nothing; this rule is silent about them. A
volatile default is fine on a table that the same revision creates, and on a table known to be small.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from sluicegate.findings import Level
from sluicegate.rules.kit.operations import add_column, set_default
from sluicegate.rules.kit.remedy import Revision, phased
from sluicegate.rules.kit.rule import Problem, Rule
from sluicegate.rules.kit.spelling import expression_sql, identifier

if TYPE_CHECKING:
    from collections.abc import Iterator

    from sluicegate.rules.kit.context import Context

RULE = Rule(name="volatile-default", level=Level.ERROR, explains_work=True)

SETUP = """
CREATE TABLE events (id bigint PRIMARY KEY, payload_text text NOT NULL);
"""

BAD = """
op.add_column("events", sa.Column("public_id", sa.Uuid(), server_default=sa.text("gen_random_uuid()")))
"""

GOOD = """
op.add_column("events", sa.Column("public_id", sa.Uuid()))
op.alter_column("events", "public_id", server_default=sa.text("gen_random_uuid()"))
"""


def check(context: Context) -> Iterator[Problem]:
    """Judge each default that is computed row by row."""
    for column in context.added_columns():
        if column.default is None or column.serial or column.identity:
            continue
        for table in context.rewritten(column):
            name, value = identifier(column.name), expression_sql(column.default)
            yield Problem(
                f"The default {value} is computed for each row, which rewrites {context.described(table)} "
                f"{context.waiting(table)} until the last row is written.",
                phased(
                    Revision(
                        "this revision: no rewrite, and new rows get the default",
                        (
                            add_column(column.table, column.name, column.type_name),
                            set_default(column.table, column.name, column.default),
                        ),
                    ),
                    Revision(
                        f"then, outside the deploy, a backfill that sets {name} = {value} where {name} IS NULL", ()
                    ),
                ),
            )

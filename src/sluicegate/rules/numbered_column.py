"""A serial or identity column on an existing table rewrites the whole table.

## What it does

`ADD COLUMN … serial`, `bigserial` or `GENERATED … AS IDENTITY` (in Alembic: `sa.Identity()`) takes a number from a
sequence for every row, so the table and all its indexes are written anew.

## Why it hurts

The rewrite runs under ACCESS EXCLUSIVE: every query on the table waits, SELECT included, until the last row is
written.

## Instead

Add a plain bigint column, give new rows a number from a sequence with SET DEFAULT, fill the old rows with a backfill,
verify, and add identity or constraints last.

## When it is fine

On a table that the same revision creates, and on a small one.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from sluicegate.findings import Level
from sluicegate.rules.kit.operations import add_column, set_default, table_sql
from sluicegate.rules.kit.remedy import Revision, execute, phased
from sluicegate.rules.kit.rule import Problem, Rule
from sluicegate.rules.kit.spelling import expression_of, identifier, literal, type_named, type_sql

if TYPE_CHECKING:
    from collections.abc import Iterator

    from sluicegate.rules.kit.context import Context

RULE = Rule(name="numbered-column", level=Level.ERROR, explains_work=True)

SETUP = """
CREATE TABLE events (payload_text text NOT NULL);
"""

BAD = """
op.add_column("events", sa.Column("number", sa.BigInteger(), sa.Identity()))
"""

GOOD = """
op.add_column("events", sa.Column("number", sa.BigInteger()))
op.execute("CREATE SEQUENCE events_number_seq OWNED BY events.number")
op.alter_column("events", "number", server_default=sa.text("nextval('events_number_seq')"))
"""


def check(context: Context) -> Iterator[Problem]:
    """Judge each column whose numbers come from a sequence."""
    for column in context.added_columns():
        if not (column.serial or column.identity):
            continue
        for table in context.rewritten(column):
            name, sequence = identifier(column.name), f"{column.table.name}_{column.name}_seq"
            integer = type_named("int8" if type_sql(column.type_name) in {"bigserial", "serial8", "bigint"} else "int4")
            default = expression_of(f"nextval({literal(sequence)})")
            yield Problem(
                f"Numbering every row in {name} rewrites {context.described(table)} {context.waiting(table)} "
                "until the last "
                "row is written.",
                phased(
                    Revision(
                        "this revision: no rewrite, and new rows get numbers",
                        (
                            add_column(column.table, column.name, integer),
                            execute(
                                f"CREATE SEQUENCE {identifier(sequence)} OWNED BY {table_sql(column.table)}.{name}"
                            ),
                            set_default(column.table, column.name, default),
                        ),
                    ),
                    Revision(f"then, outside the deploy, a backfill that numbers the rows where {name} IS NULL", ()),
                ),
            )

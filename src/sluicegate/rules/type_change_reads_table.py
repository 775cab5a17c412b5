"""A type change that keeps the table's file still reads the table or builds an index under the lock.

## What it does

`ALTER COLUMN … TYPE` where the stored bytes stay, but something beside them does not: an expression or partial index
over the column is built again, an index is sorted again under another collation or operator class, or a CHECK that
names the column is verified for each row.

## Why it hurts

It happens under ACCESS EXCLUSIVE: every query on the table waits, SELECT included, until the index is built or the
last row is read.

## Instead

Take away what depends on the column first: drop the index concurrently and build it again concurrently afterwards;
drop the CHECK, and add it again NOT VALID and validate it.

## When it is fine

On a table that the same revision creates, and on a small one.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from sluicegate.findings import Level
from sluicegate.rules.kit.remedy import advice
from sluicegate.rules.kit.rule import Problem, Rule
from sluicegate.rules.kit.spelling import identifier

if TYPE_CHECKING:
    from collections.abc import Iterator

    from sluicegate.rules.kit.context import Context

RULE = Rule(name="type-change-reads-table", level=Level.ERROR, explains_work=True)

SETUP = """
CREATE TABLE events (id bigint PRIMARY KEY, organization_id bigint, kind varchar(50), payload_text text NOT NULL);
CREATE INDEX ix_events_kind_lower ON events (lower(kind));
"""

BAD = """
op.alter_column("events", "kind", type_=sa.Text())
"""

GOOD = """
with op.get_context().autocommit_block():
    op.drop_index("ix_events_kind_lower", table_name="events", postgresql_concurrently=True)
op.alter_column("events", "kind", type_=sa.Text())
with op.get_context().autocommit_block():
    op.create_index("ix_events_kind_lower", "events", [sa.text("lower(kind)")], postgresql_concurrently=True)
"""


def check(context: Context) -> Iterator[Problem]:
    """Judge each type change that reads rows without writing them."""
    for command in context.actions("AT_AlterColumnType"):
        rewritten, built = context.rewritten(command), context.indexed(command)
        for table in dict.fromkeys((*built, *context.scanned(command))):
            if table in rewritten:
                continue
            column = f"{context.spelled(command.table)}.{identifier(command.name)}"
            doing = "builds an index of" if table in built else "reads every row of"
            why = context.effects.reasons.get(str(table), "")
            yield Problem(
                f"Changing the type of {column} {doing} {context.described(table)} {context.waiting(table)} until "
                "that is "
                "done" + (f" ({why})." if why else "."),
                advice(
                    "Drop the index concurrently before and build it concurrently afterwards."
                    if table in built
                    else "Drop the constraint before, and add it NOT VALID and validate it afterwards."
                ),
            )

"""Changing a column's type rewrites the table when the stored bytes change.

## What it does

`ALTER COLUMN … TYPE` to a type with another representation or a tighter limit: int to bigint, text to varchar(n), a
shorter varchar, another numeric scale, json to jsonb, timestamp to timestamptz outside UTC, any USING that computes.

## Why it hurts

The table and all its indexes are written anew under ACCESS EXCLUSIVE: every query on it waits, SELECT included, until
the last row is written. Foreign keys on the column are checked again in full.

## Instead

Add a column of the new type, keep it up to date with a trigger, backfill the old rows in batches, verify, and switch
by renaming. Where only a limit is wanted, a CHECK that is added NOT VALID and validated later does the same without
touching a row.

## When it is fine

Changes that keep the stored bytes rewrite nothing and are not reported: a longer varchar, varchar to text, a larger
numeric precision with the same scale. A rewrite is fine on a table that the same revision creates, or a small one.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from sluicegate.findings import Level
from sluicegate.rules.kit.rule import Problem, Rule
from sluicegate.rules.kit.shadow import shadow_column
from sluicegate.rules.kit.spelling import identifier, type_sql

if TYPE_CHECKING:
    from collections.abc import Iterator

    from sluicegate.rules.kit.context import Context

RULE = Rule(name="rewriting-type-change", level=Level.ERROR, explains_work=True)

SETUP = """
CREATE TABLE events (id integer PRIMARY KEY, kind varchar(50), attempts integer);
"""

BAD = """
op.alter_column("events", "attempts", type_=sa.BigInteger())
"""

GOOD = """
op.add_column("events", sa.Column("attempts_new", sa.BigInteger()))
"""


def check(context: Context) -> Iterator[Problem]:
    """Judge each type change that writes the table anew."""
    for command in context.actions("AT_AlterColumnType"):
        old, new = context.type_of(command.table, command.name), type_sql(command.definition.type_name)
        if context.ruins_vectors(command) or (not old and context.is_uncertain):
            continue
        column = f"{context.spelled(command.table)}.{identifier(command.name)}"
        for table in context.rewritten(command):
            unless = "" if old else f" (its type is not known here; nothing happens if it is {new} already)"
            yield Problem(
                f"Changing {column} {f'from {old} ' if old else ''}to {new}{unless} rewrites "
                f"{context.described(table)} and its indexes {context.waiting(table)} until the last row is written.",
                shadow_column(command.table, command.name, command.definition.type_name),
            )

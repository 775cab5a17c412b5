"""A 32-bit key runs out at 2,147,483,647, and widening it later rewrites the table.

## What it does

The revision creates a table whose primary key is a single integer or smallint that counts up by itself.

## Why it hurts

On the day it runs out every INSERT fails. Sequences count aborted inserts too, so that day comes before two billion
rows. The change to bigint then rewrites the table, its indexes and every table that references it.

## Instead

bigint: four bytes a row now, against an outage later.

## When it is fine

For a table that will hold a few thousand rows for ever.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from sluicegate.catalog.model import ConstraintKind
from sluicegate.findings import Level
from sluicegate.rules.kit.remedy import advice
from sluicegate.rules.kit.rule import Problem, Rule
from sluicegate.rules.kit.spelling import identifier
from sluicegate.rules.kit.vectors import written_type

if TYPE_CHECKING:
    from collections.abc import Iterator

    from sluicegate.rules.kit.context import Context

RULE = Rule(name="integer-key", level=Level.INFO)

BAD = """
op.create_table("notes", sa.Column("id", sa.Integer(), sa.Identity(), primary_key=True))
"""

GOOD = """
op.create_table("notes", sa.Column("id", sa.BigInteger(), sa.Identity(), primary_key=True))
"""
LAST = {"int2": 32_767, "int4": 2_147_483_647}


def check(context: Context) -> Iterator[Problem]:
    """Judge the key of each new table."""
    if context.kind != "create_stmt":
        return
    table = context.name_of(context.node.relation)
    created = context.after.relations.get(table)
    if created is None or table in context.before.relations:
        return
    for constraint in created.constraints.values():
        if constraint.kind is not ConstraintKind.PRIMARY_KEY or len(constraint.columns) != 1:
            continue
        column = created.columns.get(constraint.columns[0])
        if column is not None and column.type.name.name in {"int2", "int4"} and (column.identity or column.default):
            yield Problem(
                f"{context.spelled(table)}.{identifier(column.name)} counts in {written_type(column.type)} and ends at "
                f"{LAST[column.type.name.name]:,}; to widen it later rewrites the table and all that reference it.",
                advice(f"Make {identifier(column.name)} bigint: sa.BigInteger()."),
            )

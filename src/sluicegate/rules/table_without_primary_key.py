"""A table without a primary key can be followed neither by backfills nor by logical replication.

## What it does

The revision creates a table, and when it ends the table has no primary key.

## Why it hurts

Backfills and drift checks have nothing to find a row by. Logical replication refuses UPDATE and DELETE. Duplicates
can be told apart only by where they lie on disk.

## Instead

A primary key, in the revision that creates the table, where it costs nothing.

## When it is fine

For a staging table that is filled and emptied as a whole, and for a partition, which has its parent's.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from sluicegate.catalog.model import ConstraintKind
from sluicegate.findings import Level
from sluicegate.rules.kit.remedy import advice
from sluicegate.rules.kit.rule import Problem, Rule

if TYPE_CHECKING:
    from collections.abc import Iterator

    from sluicegate.rules.kit.context import Context

RULE = Rule(name="table-without-primary-key", level=Level.INFO)

BAD = """
op.create_table("event_kinds", sa.Column("kind", sa.Text(), nullable=False))
"""

GOOD = """
op.create_table("event_kinds", sa.Column("kind", sa.Text(), primary_key=True))
"""


def check(context: Context) -> Iterator[Problem]:
    """Judge each new table by its keys at the end of the revision."""
    if context.kind != "create_stmt":
        return
    table = context.name_of(context.node.relation)
    end = context.revision.after.relations.get(table)
    if end is None or end.bound is not None or table in context.before.relations or end.persistence == "temporary":
        return
    if not any(constraint.kind is ConstraintKind.PRIMARY_KEY for constraint in end.constraints.values()):
        yield Problem(
            f"{context.spelled(table)} has no primary key: backfills and logical replication cannot tell its rows "
            "apart.",
            advice("Give it a primary key here, where it costs nothing."),
        )

"""The rows of an UNLOGGED table are gone after a crash, and never reach a replica.

## What it does

`CREATE UNLOGGED TABLE`.

## Why it hurts

PostgreSQL empties it when it recovers from a crash. Replicas show it with an error, and after a failover it is empty.

## Instead

An ordinary table.

## When it is fine

For data that can be computed again at any time, such as an import's staging table.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from sluicegate.findings import Level
from sluicegate.rules.kit.remedy import advice
from sluicegate.rules.kit.rule import Problem, Rule

if TYPE_CHECKING:
    from collections.abc import Iterator

    from sluicegate.rules.kit.context import Context

RULE = Rule(name="unlogged-table", level=Level.INFO)

BAD = """
op.execute("CREATE UNLOGGED TABLE event_counts (kind text PRIMARY KEY, events bigint NOT NULL)")
"""

GOOD = """
op.execute("CREATE TABLE event_counts (kind text PRIMARY KEY, events bigint NOT NULL)")
"""


def check(context: Context) -> Iterator[Problem]:
    """Judge each table that does not survive a crash."""
    if context.kind == "create_stmt" and context.node.relation.relpersistence == "u":
        table = context.name_of(context.node.relation)
        yield Problem(
            f"{context.spelled(table)} is UNLOGGED: its rows are gone after a crash or a failover.",
            advice("Leave UNLOGGED out, unless its rows can be computed again at any time."),
        )

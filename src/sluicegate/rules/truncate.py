"""TRUNCATE destroys every row and stops all queries on the table.

## What it does

`TRUNCATE`, with CASCADE also of every table that references it.

## Why it hurts

The rows do not come back. It takes ACCESS EXCLUSIVE on each of the tables: it queues behind every query that is
running, and everybody else queues behind it.

## Instead

Delete in batches with a backfill if rows must go, or leave it to a person who looks at the table first.

## When it is fine

On a table that the same revision created.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from sluicegate.findings import Level
from sluicegate.rules.kit.remedy import advice
from sluicegate.rules.kit.rule import Problem, Rule
from sluicegate.rules.kit.spelling import listed

if TYPE_CHECKING:
    from collections.abc import Iterator

    from sluicegate.rules.kit.context import Context

RULE = Rule(name="truncate", level=Level.ERROR, explains_work=True)

SETUP = """
CREATE TABLE events (id bigint PRIMARY KEY, organization_id bigint, kind varchar(50), payload_text text NOT NULL);
"""

BAD = """
op.execute("TRUNCATE events")
"""

GOOD = """
op.execute("CREATE TABLE events_import (LIKE events)")
op.execute("TRUNCATE events_import")
"""


def check(context: Context) -> Iterator[Problem]:
    """Judge each table that is emptied."""
    if context.kind != "truncate_stmt":
        return
    named = [context.name_of(node.range_var) for node in context.node.relations]
    hit = [name for name in named if context.in_use(name) and not context.is_small(name)]
    others = [context.spelled(name) for name, _ in context.blocked() if name not in named]
    if hit:
        yield Problem(
            f"TRUNCATE destroys every row of {listed(context.described(name) for name in hit)}"
            + (f" and, through CASCADE, of {listed(others)}" if others else "")
            + f" {context.waiting(hit[0])} until the transaction ends.",
            advice("Delete in batches with a backfill, or let a person do it who looks at the rows first."),
        )

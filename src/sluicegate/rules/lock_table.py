"""LOCK TABLE keeps others out until the transaction ends.

## What it does

`LOCK TABLE` in a mode that readers or writers wait for; ACCESS EXCLUSIVE if none is named.

## Why it hurts

It queues behind every query that is running, everybody queues behind it, and the lock is held through everything that
follows.

## Instead

Leave it out: DDL takes the lock that it needs by itself. If two steps must be seen together, one transaction is
enough.

## When it is fine

In a weak mode, or on a table that the same revision creates; neither is reported.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from sluicegate.findings import Level
from sluicegate.rules.kit.remedy import advice
from sluicegate.rules.kit.rule import Problem, Rule

if TYPE_CHECKING:
    from collections.abc import Iterator

    from sluicegate.rules.kit.context import Context

RULE = Rule(name="lock-table", level=Level.WARN)

SETUP = """
CREATE TABLE events (id bigint PRIMARY KEY, organization_id bigint, kind varchar(50), payload_text text NOT NULL);
"""

BAD = """
op.execute("LOCK TABLE events IN SHARE ROW EXCLUSIVE MODE")
"""

GOOD = """
op.execute("LOCK TABLE events IN ROW SHARE MODE")
"""


def check(context: Context) -> Iterator[Problem]:
    """Judge each explicit lock that others wait for."""
    if context.kind == "lock_stmt":
        for table, _ in context.blocked()[:1]:
            yield Problem(
                f"LOCK TABLE holds {context.described(table)} {context.waiting(table)} until the transaction ends.",
                advice("Leave it out: each statement takes the lock that it needs by itself."),
            )

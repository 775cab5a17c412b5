"""Detaching a partition without CONCURRENTLY stops every query on the whole partitioned table.

## What it does

`ALTER TABLE … DETACH PARTITION` takes ACCESS EXCLUSIVE on the parent, and so does DROP TABLE of a partition.

## Why it hurts

The work is short but the wait is not: it queues behind every query on any partition, and everybody else queues behind
it.

## Instead

`DETACH PARTITION … CONCURRENTLY`, outside a transaction, from PostgreSQL 14. It does not work while a DEFAULT
partition exists.

## When it is fine

When the parent is new in the same revision, or has a DEFAULT partition, where CONCURRENTLY is refused.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from sluicegate.findings import Level
from sluicegate.rules.kit.operations import table_sql
from sluicegate.rules.kit.remedy import execute, instead, outside_transaction
from sluicegate.rules.kit.rule import Problem, Rule

if TYPE_CHECKING:
    from collections.abc import Iterator

    from sluicegate.rules.kit.context import Context

RULE = Rule(name="detach-partition-not-concurrent", level=Level.ERROR)

SETUP = """
CREATE TABLE measurements (id bigint, taken_on date NOT NULL) PARTITION BY RANGE (taken_on);
CREATE TABLE measurements_2024 PARTITION OF measurements FOR VALUES FROM ('2024-01-01') TO ('2025-01-01');
"""

BAD = """
op.execute("ALTER TABLE measurements DETACH PARTITION measurements_2024")
"""

GOOD = """
with op.get_context().autocommit_block():
    op.execute("ALTER TABLE measurements DETACH PARTITION measurements_2024 CONCURRENTLY")
"""


def check(context: Context) -> Iterator[Problem]:
    """Judge each partition that leaves under the parent's strongest lock."""
    for command in context.actions("AT_DetachPartition"):
        partition = command.definition
        has_default = any(child.bound == "DEFAULT" for child in context.before.children_of(command.table))
        if partition.concurrent or has_default:
            continue
        child = context.name_of(partition.name)
        sql = f"ALTER TABLE {table_sql(command.table)} DETACH PARTITION {table_sql(child)} CONCURRENTLY"
        yield Problem(
            f"Detaching {context.spelled(child)} locks the whole of {context.described(command.table)} "
            f"{context.waiting(command.table)} until it commits.",
            instead(outside_transaction(execute(sql))),
        )

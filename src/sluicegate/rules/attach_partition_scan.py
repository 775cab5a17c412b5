"""Attaching a partition reads every row of it, or of the DEFAULT partition, under a lock.

## What it does

`ATTACH PARTITION` checks that each row fits the bounds. `ATTACH` and `CREATE TABLE … PARTITION OF` also read the
DEFAULT partition, whose rows might belong to the new one.

## Why it hurts

The scan runs under ACCESS EXCLUSIVE on the table that is read: every query on it waits, SELECT included, until the
last row is checked.

## Instead

First add a CHECK that says the same as the bounds (on the DEFAULT partition: the opposite), NOT VALID, and validate
it in its own transaction; then attach, which reads nothing; then drop the CHECK.

## When it is fine

For an empty, new or small partition.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from sluicegate.findings import Level
from sluicegate.rules.kit.remedy import advice
from sluicegate.rules.kit.rule import Problem, Rule

if TYPE_CHECKING:
    from collections.abc import Iterator

    from sluicegate.rules.kit.context import Context

RULE = Rule(name="attach-partition-scan", level=Level.ERROR, explains_work=True)

SETUP = """
CREATE TABLE measurements (id bigint, taken_on date NOT NULL) PARTITION BY RANGE (taken_on);
CREATE TABLE measurements_2024 (id bigint, taken_on date NOT NULL);
"""

BAD = """
op.execute(
    "ALTER TABLE measurements ATTACH PARTITION measurements_2024 FOR VALUES FROM ('2024-01-01') TO ('2025-01-01')"
)
"""

GOOD = (
    """
op.create_check_constraint(
    "measurements_2024_bounds",
    "measurements_2024",
    "taken_on IS NOT NULL AND taken_on >= '2024-01-01' AND taken_on < '2025-01-01'",
    postgresql_not_valid=True,
)
""",
    """
op.execute("ALTER TABLE measurements_2024 VALIDATE CONSTRAINT measurements_2024_bounds")
""",
    """
op.execute(
    "ALTER TABLE measurements ATTACH PARTITION measurements_2024 FOR VALUES FROM ('2024-01-01') TO ('2025-01-01')"
)
op.drop_constraint("measurements_2024_bounds", "measurements_2024", type_="check")
""",
)


def check(context: Context) -> Iterator[Problem]:
    """Judge each partition whose rows are tested under the lock."""
    attached = next(context.actions("AT_AttachPartition"), None)
    creates = context.kind == "create_stmt" and context.node.HasField("partbound")
    if attached is None and not creates:
        return
    for table in context.scanned():
        mode = context.lock_on(table)
        if mode is not None and mode.blocks_writes:
            relation = context.relation(table)
            which = "the DEFAULT partition " if relation is not None and relation.bound == "DEFAULT" else ""
            yield Problem(
                f"To prove where its rows belong, every row of {which}{context.described(table)} is read "
                f"{context.waiting(table)} until the last row is checked.",
                advice(
                    f"Add a CHECK to {context.spelled(table)} that proves it, NOT VALID, validate it in its own "
                    "transaction, "
                    "then attach, then drop the CHECK."
                ),
            )

"""SET LOCAL has no effect where the statement that relies on it runs.

## What it does

`SET LOCAL` outside a transaction does nothing but raise a WARNING. Inside one it ends with the next commit, so a
setting made before `autocommit_block()` is gone inside the block and after it.

## Why it hurts

The lock_timeout or maintenance_work_mem that the revision counts on is not in force, and nobody is told.

## Instead

Use `SET` for what must outlive a commit and `RESET` it at the end, or set it again in the new transaction.

## When it is fine

Never.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from sluicegate.findings import Level
from sluicegate.rules.kit.remedy import execute, instead
from sluicegate.rules.kit.rule import Problem, Rule

if TYPE_CHECKING:
    from collections.abc import Iterator

    from sluicegate.rules.kit.context import Context

RULE = Rule(name="set-local-lost-at-autocommit", level=Level.WARN)

SETUP = """
CREATE TABLE events (id bigint PRIMARY KEY, organization_id bigint, kind varchar(50), payload_text text NOT NULL);
"""

BAD = """
with op.get_context().autocommit_block():
    op.execute("SET LOCAL maintenance_work_mem = '1GB'")
    op.create_index("ix_events_kind", "events", ["kind"], postgresql_concurrently=True)
"""

GOOD = """
with op.get_context().autocommit_block():
    op.execute("SET maintenance_work_mem = '1GB'")
    op.create_index("ix_events_kind", "events", ["kind"], postgresql_concurrently=True)
    op.execute("RESET maintenance_work_mem")
"""


def check(context: Context) -> Iterator[Problem]:
    """Judge each SET LOCAL that nothing can feel."""
    if context.kind != "variable_set_stmt" or not context.node.is_local or context.in_transaction:
        return
    setting = context.statement.sql.split(maxsplit=2)[2]
    yield Problem(
        f"SET LOCAL {context.node.name} outside a transaction has no effect; PostgreSQL only warns.",
        instead(execute(f"SET {setting}")),
    )

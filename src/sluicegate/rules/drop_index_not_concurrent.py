"""Dropping an index without CONCURRENTLY waits for, and then stops, every query on its table.

## What it does

`DROP INDEX` takes ACCESS EXCLUSIVE on the table, not only on the index.

## Why it hurts

The work is short but the wait is not: it queues behind every query that is running, and everybody else, SELECT
included, queues behind it.

## Instead

`DROP INDEX CONCURRENTLY`, outside a transaction.

## When it is fine

When the table is new in the same revision. An index that backs a constraint goes with the constraint, and a
partitioned index cannot be dropped concurrently.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from sluicegate.findings import Level
from sluicegate.rules.kit.operations import drop_index_concurrently
from sluicegate.rules.kit.remedy import instead
from sluicegate.rules.kit.rule import Problem, Rule

if TYPE_CHECKING:
    from collections.abc import Iterator

    from sluicegate.rules.kit.context import Context

RULE = Rule(name="drop-index-not-concurrent", level=Level.ERROR, same_schema=True)

SETUP = """
CREATE TABLE events (id bigint PRIMARY KEY, organization_id bigint, kind varchar(50), payload_text text NOT NULL);
CREATE INDEX ix_events_kind ON events (kind);
"""

BAD = """
op.drop_index("ix_events_kind", table_name="events")
"""

GOOD = """
with op.get_context().autocommit_block():
    op.drop_index("ix_events_kind", table_name="events", postgresql_concurrently=True)
"""


def check(context: Context) -> Iterator[Problem]:
    """Judge each index that is dropped under the table's strongest lock."""
    for index in context.dropped_objects("OBJECT_INDEX"):
        if context.node.concurrent:
            continue
        known = context.before.indexes.get(index)
        table = known.table if known else None
        if table is not None and (not context.in_use(table) or context.lock_on(table) is None):
            continue
        if table is None and context.before.complete:
            continue
        what = context.described(table) if table else "its table"
        yield Problem(
            f"Dropping the index {context.spelled(index)} takes ACCESS EXCLUSIVE on {what}: it queues behind "
            "every query "
            "that is running, and every later query, SELECT included, queues behind it.",
            instead(drop_index_concurrently(index.schema, index.name, table)),
        )

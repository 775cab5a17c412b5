"""IF NOT EXISTS keeps the broken index that an interrupted build left behind.

## What it does

`CREATE INDEX CONCURRENTLY IF NOT EXISTS`, and nothing before it removes a leftover of that name.

## Why it hurts

A concurrent build that is cancelled or fails leaves an invalid index: every write maintains it, no query uses it. Run
again, the statement finds the name, skips, and reports success. The index stays broken for good.

## Instead

Drop the leftover first with `DROP INDEX CONCURRENTLY IF EXISTS`, then create without IF NOT EXISTS.

## When it is fine

When something else checks `pg_index.indisvalid` afterwards.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from sluicegate.findings import Level
from sluicegate.rules.kit.operations import create_index_concurrently
from sluicegate.rules.kit.remedy import execute, instead, outside_transaction
from sluicegate.rules.kit.rule import Problem, Rule
from sluicegate.rules.kit.spelling import identifier

if TYPE_CHECKING:
    from collections.abc import Iterator

    from sluicegate.rules.kit.context import Context

RULE = Rule(name="if-not-exists-hides-invalid-index", level=Level.WARN)

SETUP = """
CREATE TABLE events (id bigint PRIMARY KEY, organization_id bigint, kind varchar(50), payload_text text NOT NULL);
"""

BAD = """
with op.get_context().autocommit_block():
    op.create_index("ix_events_kind", "events", ["kind"], if_not_exists=True, postgresql_concurrently=True)
"""

GOOD = """
with op.get_context().autocommit_block():
    op.drop_index("ix_events_kind", table_name="events", if_exists=True, postgresql_concurrently=True)
    op.create_index("ix_events_kind", "events", ["kind"], postgresql_concurrently=True)
"""


def check(context: Context) -> Iterator[Problem]:
    """Judge each concurrent build that would skip over a broken index."""
    if context.kind != "index_stmt" or not (context.node.concurrent and context.node.if_not_exists):
        return
    table = context.name_of(context.node.relation)
    name = context.node.idxname
    dropped = {index.name for earlier in context.earlier() for index in earlier.dropped_objects("OBJECT_INDEX")}
    if not context.in_use(table) or name in dropped:
        return
    yield Problem(
        f"If an earlier build of {identifier(name)} was interrupted, IF NOT EXISTS keeps its broken remains and "
        "reports "
        "success: every write maintains the index and no query uses it.",
        instead(
            outside_transaction(execute(f"DROP INDEX CONCURRENTLY IF EXISTS {identifier(name)}")),
            create_index_concurrently(context.node, name, table),
        ),
    )

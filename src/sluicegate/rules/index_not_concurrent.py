"""Building an index without CONCURRENTLY stops all writes on the table.

## What it does

`CREATE INDEX` on a table that already existed. Alembic's `add_column` with `index=True` or `unique=True` does it too,
as a second statement.

## Why it hurts

It holds SHARE for the whole build: reads go on, every INSERT, UPDATE and DELETE waits. On a large table that is
minutes; an HNSW index over a million embeddings takes hours.

## Instead

`CREATE INDEX CONCURRENTLY`, outside a transaction. It takes longer and lets writes go on. Give the build enough
maintenance_work_mem, and no statement_timeout.

## When it is fine

On a table that the same revision creates, and on a small one. On a partitioned table CONCURRENTLY does not exist:
build on the parent with ON ONLY, concurrently on each partition, and attach.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from sluicegate.findings import Level
from sluicegate.rules.kit.operations import create_index_concurrently, index_partitions
from sluicegate.rules.kit.remedy import advice, instead, phased
from sluicegate.rules.kit.rule import Problem, Rule
from sluicegate.rules.kit.spelling import identifier
from sluicegate.rules.kit.vectors import ANN_METHODS

if TYPE_CHECKING:
    from collections.abc import Iterator

    from sluicegate.catalog.model import Name
    from sluicegate.rules.kit.context import Context

RULE = Rule(name="index-not-concurrent", level=Level.ERROR, explains_work=True, same_schema=True)

SETUP = """
CREATE TABLE events (id bigint PRIMARY KEY, organization_id bigint, kind varchar(50), payload_text text NOT NULL);
"""

BAD = """
op.create_index("ix_events_organization_id", "events", ["organization_id"])
"""

GOOD = """
with op.get_context().autocommit_block():
    op.create_index("ix_events_organization_id", "events", ["organization_id"], postgresql_concurrently=True)
"""


def check(context: Context) -> Iterator[Problem]:
    """Judge each index that is built while writers wait."""
    if context.kind != "index_stmt" or context.node.concurrent:
        return
    table = context.name_of(context.node.relation)
    built = context.indexed()
    partitions = tuple(relation.name for relation in context.before.descendants_of(table))
    if table not in built:
        if context.node.relation.inh and any(name in built for name in partitions):
            yield _on_partitions(context, table, partitions)
        return
    name = context.node.idxname or context.new_index_name(table) or f"ix_{table.name}"
    method = f" ({context.node.access_method})" if context.node.access_method in ANN_METHODS else ""
    yield Problem(
        f"Building {identifier(name)}{method} reads all of {context.described(table)} {context.waiting(table)} "
        "until the "
        "index is built.",
        instead(create_index_concurrently(context.node, name, table)),
    )


def _on_partitions(context: Context, table: Name, partitions: tuple[Name, ...]) -> Problem:
    name = context.node.idxname or context.new_index_name(table) or f"ix_{table.name}"
    nested = any(context.before.children_of(partition) for partition in partitions)
    return Problem(
        f"Building {identifier(name)} reads every partition of {context.described(table)} in one transaction "
        f"{context.waiting(table)} until the last one is indexed.",
        advice(
            "Build it with ON ONLY on each partitioned table, concurrently on each partition that holds rows, and "
            "attach them from below."
        )
        if nested
        else phased(*index_partitions(context.node, name, table, partitions)),
    )

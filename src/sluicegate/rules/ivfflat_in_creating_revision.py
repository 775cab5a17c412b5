"""An IVFFlat index on an empty table learns nothing from no data.

## What it does

The revision creates an IVFFlat index on a table, or over a column, that it has just created.

## Why it hurts

IVFFlat sorts vectors into lists whose centres come from the rows that are there when it is built. Built on nothing
the centres mean nothing, the server says only NOTICE, and searches return a fraction of what they should for as long
as the index lives.

## Instead

Build it after the data is loaded and backfilled, or use HNSW, which needs no training.

## When it is fine

Never.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from sluicegate.findings import Level
from sluicegate.rules.kit.operations import as_method, create_index, create_index_concurrently
from sluicegate.rules.kit.remedy import instead
from sluicegate.rules.kit.rule import Problem, Rule
from sluicegate.rules.kit.spelling import identifier

if TYPE_CHECKING:
    from collections.abc import Iterator

    from sluicegate.rules.kit.context import Context

RULE = Rule(name="ivfflat-in-creating-revision", level=Level.ERROR)

BAD = """
op.create_table("notes", sa.Column("id", sa.BigInteger(), primary_key=True), sa.Column("embedding", Vector(3)))
op.create_index(
    "ix_notes_embedding",
    "notes",
    ["embedding"],
    postgresql_using="ivfflat",
    postgresql_ops={"embedding": "vector_cosine_ops"},
    postgresql_with={"lists": 100},
)
"""

GOOD = """
op.create_table("notes", sa.Column("id", sa.BigInteger(), primary_key=True), sa.Column("embedding", Vector(3)))
op.create_index(
    "ix_notes_embedding",
    "notes",
    ["embedding"],
    postgresql_using="hnsw",
    postgresql_ops={"embedding": "vector_cosine_ops"},
)
"""


def check(context: Context) -> Iterator[Problem]:
    """Judge each IVFFlat index over rows that cannot be there yet."""
    if context.kind != "index_stmt" or context.node.access_method != "ivfflat":
        return
    table = context.name_of(context.node.relation)
    columns = [param.index_elem.name for param in context.node.index_params if param.index_elem.name]
    fresh = context.is_new(table) or any(context.added_here(table, column) for column in columns)
    if fresh and not context.filled_here(table):
        node = as_method(context.node, "hnsw")
        name = context.node.idxname or f"ix_{table.name}"
        build = create_index if context.is_new(table) else create_index_concurrently
        yield Problem(
            f"{identifier(name)} is an IVFFlat index, and {context.spelled(table)} holds no vector yet: its lists "
            "are trained "
            "on nothing, so searches will miss most of what they should find.",
            instead(build(node, name, table), advice="Build it after the data is there, or use HNSW:"),
        )

"""An ordinary index on a vector column serves no search and breaks at 673 dimensions.

## What it does

`CREATE INDEX` without `USING hnsw` or `ivfflat` on a vector column; in Alembic, `index=True` or `create_index`
without `postgresql_using`.

## Why it hurts

A b-tree orders vectors and finds no nearest neighbour: every search still reads the whole table. From 673 dimensions
on a row does not fit into the index, so the build fails, or on an empty table the first INSERT does.

## Instead

HNSW with the operator class of the distance that queries use.

## When it is fine

Never for search. To find duplicates, index a hash of the vector.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from sluicegate.findings import Level
from sluicegate.rules.kit.operations import as_method, create_index_concurrently
from sluicegate.rules.kit.remedy import instead
from sluicegate.rules.kit.rule import Problem, Rule
from sluicegate.rules.kit.spelling import identifier

if TYPE_CHECKING:
    from collections.abc import Iterator

    from sluicegate.rules.kit.context import Context

RULE = Rule(name="btree-on-vector", level=Level.ERROR)

SETUP = """
CREATE TABLE workflow_insights (id bigint PRIMARY KEY, content text NOT NULL, embedding vector(3));
"""

BAD = """
with op.get_context().autocommit_block():
    op.create_index("ix_insights_embedding", "workflow_insights", ["embedding"], postgresql_concurrently=True)
"""

GOOD = """
with op.get_context().autocommit_block():
    op.create_index(
        "ix_insights_embedding",
        "workflow_insights",
        ["embedding"],
        postgresql_using="hnsw",
        postgresql_ops={"embedding": "vector_cosine_ops"},
        postgresql_concurrently=True,
    )
"""


def check(context: Context) -> Iterator[Problem]:
    """Judge each index that orders vectors instead of searching them."""
    if context.kind != "index_stmt" or context.node.access_method not in ("", "btree"):
        return
    table = context.name_of(context.node.relation)
    for param in context.node.index_params:
        column = param.index_elem.name
        kind = context.vector_type(table, column) if column else ""
        if kind:
            name = context.node.idxname or f"ix_{table.name}_{column}"
            opclass = f"{kind.partition('(')[0]}_cosine_ops"
            node = as_method(context.node, "hnsw", column, opclass)
            yield Problem(
                f"{identifier(name)} is an ordinary b-tree on {context.spelled(table)}.{identifier(column)} "
                f"({kind}): no vector "
                "search uses it, and from 673 dimensions on it refuses rows.",
                instead(create_index_concurrently(node, name, table)),
            )
            return

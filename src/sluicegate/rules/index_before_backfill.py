"""A vector index built before the backfill makes every backfilled row walk the graph.

## What it does

The revision adds a vector column to a table that holds rows, and builds an HNSW or IVFFlat index over it.

## Why it hurts

The column is empty, so the index is built over nothing. The backfill then inserts every vector into the graph one by
one, which is many times slower than building it once, for days at a million rows; an IVFFlat index stays untrained.

## Instead

Add the column, backfill it, verify, and build the index concurrently in the contract revision.

## When it is fine

When the table is new too, and fills slowly from now on.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from sluicegate.findings import Level
from sluicegate.rules.kit.operations import create_index_concurrently
from sluicegate.rules.kit.remedy import Revision, phased
from sluicegate.rules.kit.rule import Problem, Rule
from sluicegate.rules.kit.spelling import identifier
from sluicegate.rules.kit.vectors import ANN_METHODS

if TYPE_CHECKING:
    from collections.abc import Iterator

    from sluicegate.rules.kit.context import Context

RULE = Rule(name="index-before-backfill", level=Level.ERROR)

SETUP = """
CREATE TABLE workflow_insights (id bigint PRIMARY KEY, content text NOT NULL, embedding vector(3));
"""

BAD = """
op.add_column("workflow_insights", sa.Column("title_embedding", Vector(3)))
with op.get_context().autocommit_block():
    op.create_index(
        "ix_insights_title_embedding",
        "workflow_insights",
        ["title_embedding"],
        postgresql_using="hnsw",
        postgresql_ops={"title_embedding": "vector_cosine_ops"},
        postgresql_concurrently=True,
    )
"""

GOOD = """
op.add_column("workflow_insights", sa.Column("title_embedding", Vector(3)))
"""


def check(context: Context) -> Iterator[Problem]:
    """Judge each vector index over a column that a backfill has yet to fill."""
    if context.kind != "index_stmt" or context.node.access_method not in ANN_METHODS:
        return
    table = context.name_of(context.node.relation)
    for param in context.node.index_params:
        column = param.index_elem.name
        if column and context.in_use_and_large(table) and context.added_here(table, column):
            name = context.node.idxname or f"ix_{table.name}_{column}"
            yield Problem(
                f"{identifier(name)} is built before {context.spelled(table)}.{identifier(column)} holds a "
                "vector: the backfill "
                "will insert each of them into the index one by one, many times slower than one build afterwards.",
                phased(
                    Revision(
                        "a later revision, after the backfill is verified",
                        (create_index_concurrently(context.node, name, table),),
                    ),
                ),
            )
            return

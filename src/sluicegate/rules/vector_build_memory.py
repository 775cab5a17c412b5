"""A vector index that does not fit into maintenance_work_mem takes many times longer to build.

## What it does

An HNSW or IVFFlat index is built on a table that holds rows, and the revision does not set `maintenance_work_mem`.

## Why it hurts

When the HNSW graph outgrows the setting (64 MB by default, some ten thousand vectors of 1,536 dimensions), pgvector
says NOTICE and goes on from disk, many times slower; an IVFFlat build may fail outright.

## Instead

`SET maintenance_work_mem` in the same session before the build, as large as the server can spare, and RESET it
afterwards.

## When it is fine

When the role or the server is set up for it already.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from sluicegate.findings import Level
from sluicegate.rules.kit.remedy import execute, instead
from sluicegate.rules.kit.rule import Problem, Rule
from sluicegate.rules.kit.spelling import identifier
from sluicegate.rules.kit.vectors import ANN_METHODS

if TYPE_CHECKING:
    from collections.abc import Iterator

    from sluicegate.rules.kit.context import Context

RULE = Rule(name="vector-build-memory", level=Level.INFO, lasts=True)

SETUP = """
CREATE TABLE workflow_insights (id bigint PRIMARY KEY, content text NOT NULL, embedding vector(3));
"""

BAD = """
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

GOOD = """
with op.get_context().autocommit_block():
    op.execute("SET maintenance_work_mem = '2GB'")
    op.create_index(
        "ix_insights_embedding",
        "workflow_insights",
        ["embedding"],
        postgresql_using="hnsw",
        postgresql_ops={"embedding": "vector_cosine_ops"},
        postgresql_concurrently=True,
    )
    op.execute("RESET maintenance_work_mem")
"""


def check(context: Context) -> Iterator[Problem]:
    """Judge each vector index by the memory of its session."""
    if context.kind != "index_stmt" or context.node.access_method not in ANN_METHODS:
        return
    table = context.name_of(context.node.relation)
    if context.in_use_and_large(table) and context.setting("maintenance_work_mem") is None:
        name = context.node.idxname or f"ix_{table.name}"
        yield Problem(
            f"{identifier(name)} is built with the server's maintenance_work_mem; beyond it the build on "
            f"{context.described(table)} takes many times longer.",
            instead(execute("SET maintenance_work_mem = '2GB'")),
        )

"""IVFFlat without an operator class silently means Euclidean distance.

## What it does

`CREATE INDEX … USING ivfflat (embedding)` names no operator class, so `vector_l2_ops` is taken.

## Why it hurts

Queries by cosine distance or inner product, which is what most embeddings are made for, do not use the index and read
the whole table. Nothing says so.

## Instead

Name the class of the operator that queries use: `vector_cosine_ops` for `<=>`, `vector_ip_ops` for `<#>`,
`vector_l2_ops` for `<->`.

## When it is fine

When queries use `<->`; then write `vector_l2_ops` so that the next reader knows.
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

RULE = Rule(name="ivfflat-default-operator-class", level=Level.WARN)

SETUP = """
CREATE TABLE workflow_insights (id bigint PRIMARY KEY, content text NOT NULL, embedding vector(3));
"""

BAD = """
with op.get_context().autocommit_block():
    op.execute("CREATE INDEX CONCURRENTLY ix_insights_embedding ON workflow_insights USING ivfflat (embedding)")
"""

GOOD = """
with op.get_context().autocommit_block():
    op.execute(
        "CREATE INDEX CONCURRENTLY ix_insights_embedding ON workflow_insights USING ivfflat (embedding "
        "vector_cosine_ops)"
    )
"""


def check(context: Context) -> Iterator[Problem]:
    """Judge each IVFFlat key without a class of its own."""
    if context.kind != "index_stmt" or context.node.access_method != "ivfflat":
        return
    table = context.name_of(context.node.relation)
    for param in context.node.index_params:
        if not param.index_elem.opclass and param.index_elem.name:
            column, name = param.index_elem.name, context.node.idxname or f"ix_{table.name}"
            node = as_method(context.node, "ivfflat", column, "vector_cosine_ops")
            node.options.extend(context.node.options)
            yield Problem(
                f"{identifier(name)} names no operator class, so it serves Euclidean distance (<->) alone: "
                "searches by cosine "
                f"distance read all of {context.described(table)}.",
                instead(create_index_concurrently(node, name, table)),
            )

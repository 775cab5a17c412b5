"""The old index is gone before the new one exists, so queries run without any.

## What it does

The revision drops an index and then creates another one on the same column.

## Why it hurts

From the drop until the end of the build, queries read the whole table: a vector search over a million rows takes
seconds each, thousands of times. If the build then fails, there is no index at all.

## Instead

Build the new index under another name, concurrently; drop the old one afterwards; rename if the name matters, which
takes a moment.

## When it is fine

When nothing queries the column. For an ordinary index this is a warning, for a vector index an error.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from sluicegate.findings import Level
from sluicegate.rules.kit.operations import create_index_concurrently, drop_index_concurrently
from sluicegate.rules.kit.remedy import execute, instead
from sluicegate.rules.kit.rule import Problem, Rule
from sluicegate.rules.kit.spelling import identifier
from sluicegate.rules.kit.vectors import ANN_METHODS

if TYPE_CHECKING:
    from collections.abc import Iterator

    from sluicegate.rules.kit.context import Context

RULE = Rule(name="index-dropped-before-replacement", level=Level.ERROR)

SETUP = """
CREATE TABLE workflow_insights (id bigint PRIMARY KEY, content text NOT NULL, embedding vector(3));
CREATE INDEX ix_insights_embedding ON workflow_insights USING hnsw (embedding vector_cosine_ops);
"""

BAD = """
with op.get_context().autocommit_block():
    op.drop_index("ix_insights_embedding", table_name="workflow_insights", postgresql_concurrently=True)
    op.create_index(
        "ix_insights_embedding",
        "workflow_insights",
        ["embedding"],
        postgresql_using="hnsw",
        postgresql_ops={"embedding": "vector_cosine_ops"},
        postgresql_with={"m": 24},
        postgresql_concurrently=True,
    )
"""

GOOD = """
with op.get_context().autocommit_block():
    op.create_index(
        "ix_insights_embedding_m24",
        "workflow_insights",
        ["embedding"],
        postgresql_using="hnsw",
        postgresql_ops={"embedding": "vector_cosine_ops"},
        postgresql_with={"m": 24},
        postgresql_concurrently=True,
    )
    op.drop_index("ix_insights_embedding", table_name="workflow_insights", postgresql_concurrently=True)
"""


def check(context: Context) -> Iterator[Problem]:
    """Judge each index that a later statement of the revision replaces."""
    for name in context.dropped_objects("OBJECT_INDEX"):
        old = context.before.indexes.get(name)
        if old is None or not context.in_use_and_large(old.table) or not old.valid:
            continue
        for later in context.later():
            if later.kind != "index_stmt" or later.name_of(later.node.relation) != old.table:
                continue
            first = later.node.index_params[0].index_elem.name if later.node.index_params else ""
            if not first or first != old.keys[0].column:
                continue
            new_name = later.node.idxname if later.node.idxname != name.name else f"{name.name}_new"
            steps = [
                create_index_concurrently(later.node, new_name, old.table),
                drop_index_concurrently(name.schema, name.name, old.table),
            ]
            if later.node.idxname == name.name:
                steps.append(execute(f"ALTER INDEX {identifier(new_name)} RENAME TO {identifier(name.name)}"))
            vector = old.method in ANN_METHODS
            yield Problem(
                f"{context.spelled(name)} is dropped before its replacement is built: until then every "
                f"{'vector search' if vector else 'query'} by {identifier(first)} reads all of "
                f"{context.described(old.table)}, "
                "and if the build fails there is no index at all.",
                instead(*steps),
                level=None if vector else Level.WARN,
            )
            break

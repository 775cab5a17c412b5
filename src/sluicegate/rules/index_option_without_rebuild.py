"""Changing a build option of a vector index changes nothing until the index is built again.

## What it does

`ALTER INDEX … SET (m = …)`, `ef_construction` or `lists` is accepted and stored.

## Why it hurts

The graph or the lists stay as they were built, so recall and speed do not change; whoever tuned the number looks for
the reason elsewhere. The statement also takes ACCESS EXCLUSIVE on the index: searches wait behind it.

## Instead

Build a second index with the new options concurrently, and drop the old one afterwards.

## When it is fine

When a REINDEX CONCURRENTLY of the index follows in the same revision, which is not reported.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from sluicegate.findings import Level
from sluicegate.rules.kit.remedy import execute, instead, outside_transaction
from sluicegate.rules.kit.rule import Problem, Rule
from sluicegate.rules.kit.spelling import listed
from sluicegate.rules.kit.vectors import ANN_METHODS

if TYPE_CHECKING:
    from collections.abc import Iterator

    from sluicegate.rules.kit.context import Context

RULE = Rule(name="index-option-without-rebuild", level=Level.WARN)

SETUP = """
CREATE TABLE workflow_insights (id bigint PRIMARY KEY, content text NOT NULL, embedding vector(3));
CREATE INDEX ix_insights_embedding ON workflow_insights USING hnsw (embedding vector_cosine_ops);
"""

BAD = """
op.execute("ALTER INDEX ix_insights_embedding SET (m = 32)")
"""

GOOD = """
op.execute("ALTER INDEX ix_insights_embedding SET (m = 32)")
with op.get_context().autocommit_block():
    op.execute("REINDEX INDEX CONCURRENTLY ix_insights_embedding")
"""


def check(context: Context) -> Iterator[Problem]:
    """Judge each stored option that nothing applies."""
    for command in context.commands:
        if command.kind not in ("AT_SetRelOptions", "AT_ResetRelOptions"):
            continue
        index = context.before.indexes.get(command.table)
        if index is None or index.method not in ANN_METHODS or not context.in_use(index.table):
            continue
        names = [item.def_elem.defname for item in getattr(command.node, "def").list.items]
        reindexed = any(later.kind == "reindex_stmt" for later in context.later())
        if not reindexed and set(names) & {"m", "ef_construction", "lists"}:
            yield Problem(
                f"{listed(names)} of {context.spelled(index.name)} is stored and changes nothing: the index stays "
                "as it was "
                "built until it is built again.",
                instead(outside_transaction(execute(f"REINDEX INDEX CONCURRENTLY {context.spelled(index.name)}"))),
            )

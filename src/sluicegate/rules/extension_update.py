"""A new version of pgvector may ask for indexes to be built again.

## What it does

`ALTER EXTENSION … UPDATE` changes the catalog only: what earlier versions wrote into indexes stays.

## Why it hurts

Some releases repaired how indexes are built or vacuumed (0.3.1 for IVFFlat, 0.8.3 for HNSW): an index that an earlier
version damaged stays damaged.

## Instead

Read the changelog between the two versions, and REINDEX CONCURRENTLY the vector indexes where it says so.

## When it is fine

When no release between the two names indexes.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from sluicegate.findings import Level
from sluicegate.rules.kit.remedy import advice
from sluicegate.rules.kit.rule import Problem, Rule
from sluicegate.rules.kit.spelling import identifier, listed
from sluicegate.rules.kit.vectors import ANN_METHODS

if TYPE_CHECKING:
    from collections.abc import Iterator

    from sluicegate.rules.kit.context import Context

RULE = Rule(name="extension-update", level=Level.INFO)

SETUP = """
CREATE TABLE workflow_insights (id bigint PRIMARY KEY, content text NOT NULL, embedding vector(3));
"""

BAD = """
op.execute("ALTER EXTENSION vector UPDATE")
"""

GOOD = """
op.execute("CREATE EXTENSION IF NOT EXISTS vector")
"""


def check(context: Context) -> Iterator[Problem]:
    """Judge each update of an extension."""
    if context.kind == "alter_extension_stmt" and context.before.extensions.get(context.node.extname) is not None:
        name = context.node.extname
        ann = [context.spelled(i.name) for i in context.before.indexes.values() if i.method in ANN_METHODS]
        vectors = f"; the indexes concerned are {listed(ann)}" if ann and name == "vector" else ""
        yield Problem(
            f"Updating {identifier(name)} leaves indexes as the earlier version wrote them{vectors}.",
            advice("Read its changelog, and REINDEX … CONCURRENTLY where it asks for that."),
        )

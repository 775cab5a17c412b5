"""A vector column without a dimension takes vectors of any size and cannot be indexed.

## What it does

A column is created as, or changed to, `vector` (or `halfvec`) without a number.

## Why it hurts

Nothing stops rows of different models from mixing. An HNSW or IVFFlat index needs the dimension, so `CREATE INDEX`
fails; after a change from `vector(n)` the old index stays and expects n, inserts of another size fail on the index,
and REINDEX or a restored dump fails.

## Instead

Write the dimension of the model: `Vector(1536)`. Where several models share a table, use one column for each, or an
index over a cast for each.

## When it is fine

When the vectors are only stored and never searched.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from sluicegate.findings import Level
from sluicegate.rules.kit.remedy import advice
from sluicegate.rules.kit.rule import Problem, Rule
from sluicegate.rules.kit.spelling import identifier

if TYPE_CHECKING:
    from collections.abc import Iterator

    from sluicegate.rules.kit.context import Context

RULE = Rule(name="vector-without-dimension", level=Level.WARN)

SETUP = """
CREATE TABLE workflow_insights (id bigint PRIMARY KEY, content text NOT NULL, embedding vector(3));
"""

BAD = """
op.add_column("workflow_insights", sa.Column("title_embedding", Vector()))
"""

GOOD = """
op.add_column("workflow_insights", sa.Column("title_embedding", Vector(1536)))
"""


def check(context: Context) -> Iterator[Problem]:
    """Judge each vector column that is left without a dimension."""
    for table, column in context.changed_columns():
        if (
            column.type.name.name in {"vector", "halfvec"}
            and context.is_vector(column.type)
            and not column.type.modifiers
        ):
            yield Problem(
                f"{context.spelled(table)}.{identifier(column.name)} has no dimension: vectors of any size go in, "
                "and an "
                "HNSW or IVFFlat index on it is refused or breaks later.",
                advice(f"Write the dimension of the model, such as {column.type.name.name}(1536)."),
            )

"""Changing a vector column's dimension fails on the first row, or destroys the embeddings.

## What it does

`ALTER COLUMN … TYPE` on a vector column to another dimension fails on the first row that holds a vector; on an empty
development database it succeeds. Emptied first, or with a USING that yields NULL, it succeeds everywhere and every
embedding is gone.

## Why it hurts

An embedding of one model or dimension cannot be converted to another: it must be computed again by the provider, row
by row. What succeeds rewrites the table and builds every index of it again, HNSW graphs from nothing, under ACCESS
EXCLUSIVE.

## Instead

Add a column of the new type beside the old one, backfill it by embedding each row again, verify, build its index
concurrently, and swap the two by renaming. For halfvec alone, an index over the cast keeps the column as it is.

## When it is fine

On a table that the same revision creates. A change that keeps the numbers, such as vector to halfvec, is judged by
`rewriting-type-change`, and a dimension that is taken away by `vector-without-dimension`.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from sluicegate.findings import Level
from sluicegate.rules.kit.rule import Problem, Rule
from sluicegate.rules.kit.shadow import shadow_column
from sluicegate.rules.kit.spelling import identifier, type_sql
from sluicegate.rules.kit.vector_changes import loses_values

if TYPE_CHECKING:
    from collections.abc import Iterator

    from sluicegate.rules.kit.context import Context

RULE = Rule(name="vector-type-change", level=Level.ERROR, explains_work=True)

SETUP = """
CREATE TABLE workflow_insights (id bigint PRIMARY KEY, content text NOT NULL, embedding vector(3));
"""

BAD = """
op.alter_column("workflow_insights", "embedding", type_=Vector(4))
"""

GOOD = """
op.add_column("workflow_insights", sa.Column("embedding_new", Vector(4)))
"""


def check(context: Context) -> Iterator[Problem]:
    """Judge each change of type that no embedding survives."""
    for command in context.actions("AT_AlterColumnType"):
        if not context.ruins_vectors(command):
            continue
        old, new = context.type_of(command.table, command.name), type_sql(command.definition.type_name)
        column = f"{context.spelled(command.table)}.{identifier(command.name)}"
        if loses_values(command, context):
            harm = "every embedding is destroyed without a word"
        else:
            harm = "it fails on the first row that holds a vector, and works only on an empty database"
        yield Problem(
            f"Changing {column} {f'from {old} ' if old else ''}to {new}: {harm}.",
            shadow_column(
                command.table, command.name, command.definition.type_name, how=f"embeds each row again as {new}"
            ),
        )

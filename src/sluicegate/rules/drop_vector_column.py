"""Dropping a vector column destroys embeddings that take hours and money to compute again.

## What it does

`DROP COLUMN` on a `vector`, `halfvec`, `sparsevec` or vector-like column. Its indexes go along without being named.

## Why it hurts

The statement is over in a moment and nothing brings the values back: each embedding must be bought from a provider
again, row by row. Code that still reads or writes the column fails at once; code that swallows such errors fails
silently.

## Instead

Keep the column until nothing reads or writes it, then null it out in batches if space matters. When the column
changes its model or dimension, add a new column beside it, backfill it, verify it, switch the readers, and drop the
old one last, with a comment that allows this rule and says which column took over.

## When it is fine

When the embeddings live on elsewhere, proved by a verified backfill; allow it there with the reason. It is never fine
for a column that the policy's `[vectors]` says must exist.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from sluicegate.findings import Level
from sluicegate.rules.kit.remedy import advice, phased
from sluicegate.rules.kit.rule import Problem, Rule
from sluicegate.rules.kit.shadow import shadow_column
from sluicegate.rules.kit.spelling import identifier, listed
from sluicegate.rules.kit.words import about
from sluicegate.statements.parse import parse_statement

if TYPE_CHECKING:
    from collections.abc import Iterator

    from sluicegate.catalog.model import Name
    from sluicegate.rules.kit.context import Context
    from sluicegate.rules.kit.remedy import Remedy

RULE = Rule(name="drop-vector-column", level=Level.ERROR)

SETUP = """
CREATE TABLE workflow_insights (id bigint PRIMARY KEY, content text NOT NULL, embedding vector(3));
CREATE INDEX ix_workflow_insights_embedding ON workflow_insights USING hnsw (embedding vector_cosine_ops);
"""

BAD = """
op.drop_column("workflow_insights", "embedding")
"""

GOOD = """
op.add_column("workflow_insights", sa.Column("embedding_v2", Vector(4)))
"""


def check(context: Context) -> Iterator[Problem]:
    """Judge each vector column that goes, with its table or alone."""
    for table, column in context.dropped_columns():
        known = context.vector_type(table, column)
        required = f"{table}.{column}" in context.policy.vectors
        if not known and not required:
            continue
        lost = f"Dropping {context.spelled(table)}.{identifier(column)}"
        what = f" ({known})" if known else ""
        indexes = listed(context.spelled(index.name) for index in context.indexes_on(table, column))
        rows = context.rows(table)
        yield Problem(
            f"{lost}{what} destroys the embeddings of {f'about {about(rows)}' if rows else 'every row'}"
            + (f" and the index {indexes} with them" if indexes else "")
            + "; they come back only from the provider, one row at a time."
            + (" The policy says that this column must exist." if required else ""),
            _remedy(table, column, known),
        )


def _remedy(table: Name, column: str, known: str) -> Remedy:
    """Propose a second column that takes over; the first one goes when nothing reads it."""
    keep = f"Leave {identifier(column)} in place. If other embeddings take over, let them grow up beside it:"
    if not known:
        return advice(keep.removesuffix(":") + ", and drop it in a later release.")
    type_name = parse_statement(f"SELECT NULL::{known}").node.target_list[0].res_target.val.type_cast.type_name
    shadow = shadow_column(table, column, type_name, f"embeds every row into {identifier(column + '_new')}")
    return phased(*shadow.revisions, advice=keep)

"""PostgreSQL will refuse this statement, so the deploy stops here.

## What it does

The statement cannot run on the schema that the history leaves, on the version that the policy names: a table, column
or type that does not exist or exists already, a view that depends on the column, an index that pgvector has no
operator class for, a syntax of a later version.

## Why it hurts

The deploy stops in the middle. What committed before stays, what did not is rolled back, and the release waits for a
new build.

## Instead

The server's own words are in the message; they name what is missing or in the way.

## When it is fine

When production has something that the history does not show. Then give the schema with `--schema`, or allow it with a
comment.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from sluicegate.findings import Level
from sluicegate.rules.kit.rule import Problem, Rule

if TYPE_CHECKING:
    from collections.abc import Iterator

    from sluicegate.rules.kit.context import Context

RULE = Rule(name="server-rejects", level=Level.ERROR, rejected=True)

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
        postgresql_concurrently=True,
    )
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
    """Judge each statement whose refusal the catalog tells."""
    error = context.effects.error
    if error is None or context.refused_in_transaction or context.read_in_part:
        return
    yield Problem(f"PostgreSQL {context.version} will reject this: {error.message} ({error.sqlstate}).")

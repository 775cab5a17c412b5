"""The number of lists of an IVFFlat index does not fit the number of rows.

## What it does

`WITH (lists = …)`, or the default of 100, is far from what pgvector advises for a table of known size: rows / 1000 up
to a million rows, the square root beyond.

## Why it hurts

Too few lists make every search read a large part of the table; too many leave lists with a handful of rows, and
searches miss their neighbours.

## Instead

The advised number. When the table grows tenfold, build the index again.

## When it is fine

When recall and speed were measured with that number.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from sluicegate.findings import Level
from sluicegate.rules.kit.remedy import advice
from sluicegate.rules.kit.rule import Problem, Rule
from sluicegate.rules.kit.words import about
from sluicegate.statements.nodes import options

if TYPE_CHECKING:
    from collections.abc import Iterator

    from sluicegate.rules.kit.context import Context

RULE = Rule(name="ivfflat-lists", level=Level.INFO)

POLICY = """
[tables.rows]
workflow_insights = 1000000
"""

SETUP = """
CREATE TABLE workflow_insights (id bigint PRIMARY KEY, content text NOT NULL, embedding vector(3));
"""

BAD = """
with op.get_context().autocommit_block():
    op.create_index(
        "ix_insights_embedding",
        "workflow_insights",
        ["embedding"],
        postgresql_using="ivfflat",
        postgresql_ops={"embedding": "vector_cosine_ops"},
        postgresql_with={"lists": 10},
        postgresql_concurrently=True,
    )
"""

GOOD = """
with op.get_context().autocommit_block():
    op.create_index(
        "ix_insights_embedding",
        "workflow_insights",
        ["embedding"],
        postgresql_using="ivfflat",
        postgresql_ops={"embedding": "vector_cosine_ops"},
        postgresql_with={"lists": 1000},
        postgresql_concurrently=True,
    )
"""


def check(context: Context) -> Iterator[Problem]:
    """Judge the lists of each IVFFlat index on a table of known size."""
    if context.kind != "index_stmt" or context.node.access_method != "ivfflat":
        return
    table = context.name_of(context.node.relation)
    rows = context.rows(table)
    if not rows or rows < 10_000:
        return
    lists = int(options(context.node.options).get("lists", 100))
    advised = round(rows / 1000) if rows <= 1_000_000 else round(rows**0.5)
    if not advised / 4 <= lists <= advised * 4:
        yield Problem(
            f"{lists} lists for {about(rows)} of {context.spelled(table)}: pgvector advises about {advised:,}.",
            advice(f"WITH (lists = {advised})"),
        )

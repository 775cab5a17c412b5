"""Vectors that may not leave the row do not fit into it.

## What it does

`ALTER COLUMN … SET STORAGE PLAIN` (or MAIN) on a vector column.

## Why it hurts

A row must fit into a page of 8 kB, and 1,536 dimensions take 6 kB. With PLAIN, a vector of 2,000 dimensions or a few
wider columns beside it is refused: "row is too big". Rows that are there already keep the form they have, so it shows
later.

## Instead

EXTERNAL, pgvector's own default since 0.6.0: out of line and not compressed.

## When it is fine

For vectors of a few hundred dimensions in a narrow table that is scanned without an index.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from sluicegate.findings import Level
from sluicegate.rules.kit.operations import table_sql
from sluicegate.rules.kit.remedy import execute, instead
from sluicegate.rules.kit.rule import Problem, Rule
from sluicegate.rules.kit.spelling import identifier
from sluicegate.statements.nodes import string

if TYPE_CHECKING:
    from collections.abc import Iterator

    from sluicegate.rules.kit.context import Context

RULE = Rule(name="plain-storage-on-vector", level=Level.WARN)

SETUP = """
CREATE TABLE workflow_insights (id bigint PRIMARY KEY, content text NOT NULL, embedding vector(3));
"""

BAD = """
op.execute("ALTER TABLE workflow_insights ALTER COLUMN embedding SET STORAGE PLAIN")
"""

GOOD = """
op.execute("ALTER TABLE workflow_insights ALTER COLUMN embedding SET STORAGE EXTERNAL")
"""


def check(context: Context) -> Iterator[Problem]:
    """Judge each vector column that must stay in its row."""
    for command in context.actions("AT_SetStorage"):
        kind = context.vector_type(command.table, command.name)
        storage = string(getattr(command.node, "def")).upper()
        if kind and storage in {"PLAIN", "MAIN"}:
            name = f"{context.spelled(command.table)}.{identifier(command.name)}"
            table = table_sql(command.table)
            yield Problem(
                f"{storage} keeps each {kind} of {name} inside its row, which must fit into 8 kB: larger rows are "
                "refused.",
                instead(execute(f"ALTER TABLE {table} ALTER COLUMN {identifier(command.name)} SET STORAGE EXTERNAL")),
            )

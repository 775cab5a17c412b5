"""The default vector has another dimension than its column, so every INSERT that uses it fails.

## What it does

`ALTER COLUMN … SET DEFAULT '[…]'` with more or fewer numbers than the column's dimension.

## Why it hurts

The server accepts the statement and checks nothing. The first INSERT without a value fails: "expected 1536
dimensions".

## Instead

No default at all: NULL says that a row has no embedding yet, a constant vector claims a false one.

## When it is fine

Never.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from sluicegate.findings import Level
from sluicegate.rules.kit.remedy import advice
from sluicegate.rules.kit.rule import Problem, Rule
from sluicegate.rules.kit.spelling import identifier
from sluicegate.statements.nodes import value_of

if TYPE_CHECKING:
    from collections.abc import Iterator

    from sluicegate.rules.kit.context import Context

RULE = Rule(name="vector-default-of-wrong-size", level=Level.ERROR)

SETUP = """
CREATE TABLE workflow_insights (id bigint PRIMARY KEY, content text NOT NULL, embedding vector(3));
"""

BAD = """
op.execute("ALTER TABLE workflow_insights ALTER COLUMN embedding SET DEFAULT '[0,0,0,0]'")
"""

GOOD = """
op.execute("ALTER TABLE workflow_insights ALTER COLUMN embedding DROP DEFAULT")
"""


def check(context: Context) -> Iterator[Problem]:
    """Judge each default vector by its size."""
    for command in context.actions("AT_ColumnDefault"):
        column = context.column(command.table, command.name)
        definition = getattr(command.node, "def")
        if column is None or not context.is_vector(column.type) or not column.type.modifiers:
            continue
        value = value_of(definition) if definition.WhichOneof("node") else None
        size = len(value.strip("[] ").split(",")) if isinstance(value, str) and value.startswith("[") else None
        if size is not None and size != column.type.modifiers[0]:
            yield Problem(
                f"The default has {size} numbers and {context.spelled(command.table)}.{identifier(command.name)} takes "
                f"{column.type.modifiers[0]}: this is accepted, and every INSERT that relies on it fails.",
                advice("Leave the default out: NULL says that a row has no embedding yet."),
            )

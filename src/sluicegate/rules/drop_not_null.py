"""A column that may be NULL from now on surprises code that never met one.

## What it does

`ALTER COLUMN … DROP NOT NULL` takes a moment.

## Why it hurts

Code that reads the column was written when it always had a value: it fails on the first NULL, perhaps months later.

## Instead

First release readers that cope with NULL, then drop the NOT NULL.

## When it is fine

When all readers cope already; allow it with a comment that says so, or turn the rule off.
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

RULE = Rule(name="drop-not-null", level=Level.INFO)

SETUP = """
CREATE TABLE events (id bigint PRIMARY KEY, organization_id bigint, kind varchar(50), payload_text text NOT NULL);
"""

BAD = """
op.alter_column("events", "payload_text", nullable=True)
"""

GOOD = """
op.alter_column("events", "payload_text", server_default="")
"""


def check(context: Context) -> Iterator[Problem]:
    """Judge each column that loses its promise."""
    for command in context.actions("AT_DropNotNull"):
        column = context.column(command.table, command.name)
        if column is None or column.not_null:
            yield Problem(
                f"{context.spelled(command.table)}.{identifier(command.name)} may be NULL from now on: code that "
                "reads it "
                "must cope with that before this runs.",
                advice("First release readers that cope with NULL."),
            )

"""A timestamp without a time zone means another moment to each reader.

## What it does

A new column, or a column of a new table, has the type `timestamp` without `with time zone`; `sa.DateTime()` does that.

## Why it hurts

The value is whatever the writer's clock showed. Two services in two zones write the same moment as two values, and
nothing in the row says which is right.

## Instead

`timestamptz`, `sa.DateTime(timezone=True)`: the same eight bytes, and one moment for everybody.

## When it is fine

For a time of day as a person plans it (a shop opens at nine, wherever it is). Allow it with a comment that says so.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from sluicegate.rule_authoring import Level, Problem, Rule, advice, identifier

if TYPE_CHECKING:
    from collections.abc import Iterator

    from sluicegate.rule_authoring import Context

RULE = Rule(name="naive-timestamp", level=Level.ERROR)

SETUP = """
CREATE TABLE events (id bigint PRIMARY KEY, organization_id bigint, kind varchar(50), payload_text text NOT NULL);
"""

BAD = """
op.add_column("events", sa.Column("received_at", sa.DateTime()))
"""

GOOD = """
op.add_column("events", sa.Column("received_at", sa.DateTime(timezone=True)))
"""


def check(context: Context) -> Iterator[Problem]:
    """Judge each column that a statement gives this type."""
    for table, column in context.changed_columns():
        if column.type.name.name == "timestamp":
            yield Problem(
                f"{context.spelled(table)}.{identifier(column.name)} is a timestamp without a time zone: what "
                "moment it means depends on who reads it.",
                advice("Write sa.DateTime(timezone=True), or timestamptz in SQL."),
            )

"""A json column has no equality, so DISTINCT, GROUP BY and UNION over it fail.

## What it does

Adds a column of type `json`; in Alembic, `sa.JSON()`.

## Why it hurts

`SELECT DISTINCT` over the table fails from now on ("could not identify an equality operator for type json"), also in
queries that an ORM builds with `SELECT *`. It cannot be indexed, and each access parses the text again.

## Instead

`jsonb`: `postgresql.JSONB()`.

## When it is fine

To keep the exact text, with its spaces and order of keys.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from sluicegate.findings import Level
from sluicegate.rules.kit.alembic_types import plain_name
from sluicegate.rules.kit.operations import add_column
from sluicegate.rules.kit.remedy import instead
from sluicegate.rules.kit.rule import Problem, Rule
from sluicegate.rules.kit.spelling import identifier, type_named

if TYPE_CHECKING:
    from collections.abc import Iterator

    from sluicegate.rules.kit.context import Context

RULE = Rule(name="json-column", level=Level.WARN)

SETUP = """
CREATE TABLE events (id bigint PRIMARY KEY, organization_id bigint, kind varchar(50), payload_text text NOT NULL);
"""

BAD = """
op.add_column("events", sa.Column("context", sa.JSON()))
"""

GOOD = """
op.add_column("events", sa.Column("context", postgresql.JSONB()))
"""


def check(context: Context) -> Iterator[Problem]:
    """Judge each json column that is added to a table in use."""
    for column in context.added_columns():
        if plain_name(column.type_name) == "json":
            yield Problem(
                f"{context.spelled(column.table)}.{identifier(column.name)} is json, which has no equality: "
                "SELECT DISTINCT, "
                "GROUP BY and UNION over it fail.",
                instead(add_column(column.table, column.name, type_named("jsonb"))),
            )

"""The foreign key joins columns of different types.

## What it does

A foreign key whose column has another type than the column it references, such as integer to bigint.

## Why it hurts

Ids beyond two billion fit into one table and not into the other: inserts fail on the day when the counter passes it.
Joins cast on each row.

## Instead

Give the new column the type of the column that it references.

## When it is fine

For text and varchar, which compare as one, and which are not reported.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from sluicegate.findings import Level
from sluicegate.rules.kit.joins import mismatched
from sluicegate.rules.kit.remedy import advice
from sluicegate.rules.kit.rule import Problem, Rule

if TYPE_CHECKING:
    from collections.abc import Iterator

    from sluicegate.rules.kit.context import Context

RULE = Rule(name="foreign-key-type-mismatch", level=Level.WARN)

SETUP = """
CREATE TABLE organizations (id bigint PRIMARY KEY, name text NOT NULL);
CREATE TABLE events (id bigint PRIMARY KEY, organization_id integer);
"""

BAD = """
op.create_foreign_key(
    "events_organization_id_fkey", "events", "organizations", ["organization_id"], ["id"], postgresql_not_valid=True
)
"""

GOOD = """
op.add_column("events", sa.Column("owner_id", sa.BigInteger()))
op.create_foreign_key(
    "events_owner_id_fkey", "events", "organizations", ["owner_id"], ["id"], postgresql_not_valid=True
)
"""


def check(context: Context) -> Iterator[Problem]:
    """Judge each pair of columns that a new foreign key joins."""
    for pair in mismatched(context):
        yield Problem(
            f"{pair.column} is {pair.type} and references {pair.referenced}, which is {pair.referenced_type}: "
            "values that fit "
            "into one do not fit into the other.",
            advice(f"Make {pair.column} {pair.referenced_type}."),
        )

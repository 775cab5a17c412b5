"""Dropping a column breaks the code that still names it and destroys its values.

## What it does

`DROP COLUMN`. Indexes and constraints on the column go along, also those that were never mentioned.

## Why it hurts

Between the migration and the last old process, every statement that names the column fails; an ORM names all columns
in every SELECT. The values do not come back with a downgrade.

## Instead

In a first release, stop reading and writing the column in all code. In a later one, drop it, with a comment that
allows this rule and says which release stopped using it.

## When it is fine

When no running code names the column any more; only you can know that, so say it in the comment.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from sluicegate.findings import Level
from sluicegate.rules.kit.operations import drop_column
from sluicegate.rules.kit.remedy import allowed, instead
from sluicegate.rules.kit.rule import Problem, Rule
from sluicegate.rules.kit.spelling import identifier, listed

if TYPE_CHECKING:
    from collections.abc import Iterator

    from sluicegate.rules.kit.context import Context

RULE = Rule(name="drop-column", level=Level.ERROR)

SETUP = """
CREATE TABLE events (id bigint PRIMARY KEY, organization_id bigint, kind varchar(50), payload_text text NOT NULL);
"""

BAD = """
op.drop_column("events", "kind")
"""

GOOD = """
op.drop_column("events", "kind")  # sluicegate: allow[drop-column] unused since release 41
"""


def check(context: Context) -> Iterator[Problem]:
    """Judge each column that is dropped by name."""
    for command in context.actions("AT_DropColumn"):
        column = context.column(command.table, command.name)
        if context.vector_type(command.table, command.name) or context.is_absent(command.table, command.name):
            continue
        if f"{command.table}.{command.name}" in context.policy.vectors or context.added_here(
            command.table, command.name
        ):
            continue
        silent = [str(thing) for thing in context.vanished if thing.kind != "column"]
        along = listed(silent)
        name = f"{context.spelled(command.table)}.{identifier(command.name)}"
        kind = f" ({context.type_of(command.table, command.name)})" if column else ""
        yield Problem(
            f"Dropping {name}{kind} destroys its values, and code that still names it fails at once"
            + (f"; {along} {'goes' if len(silent) == 1 else 'go'} with it." if along else "."),
            instead(
                allowed(drop_column(command.table, command.name), RULE.name, "unused since <release>"),
                advice="First release code that neither reads nor writes the column. Then say so where you drop it:",
            ),
        )

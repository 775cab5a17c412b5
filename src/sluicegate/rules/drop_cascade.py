"""CASCADE drops things that the statement does not name.

## What it does

A `DROP … CASCADE`, or a DROP COLUMN or DROP CONSTRAINT with CASCADE, takes every dependent object along: views,
foreign keys of other tables, columns of a type, triggers.

## Why it hurts

What goes depends on what has been created by then, in production and not in the revision. Nobody reviews it, and no
downgrade brings it back.

## Instead

Drop the dependent objects by name first, then the object without CASCADE: the server refuses when something is left.

## When it is fine

When nothing depends on the object; then CASCADE is not needed either. On an object that the same revision created it
is not reported.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from sluicegate.findings import Level
from sluicegate.rules.kit.remedy import advice
from sluicegate.rules.kit.rule import Problem, Rule
from sluicegate.rules.kit.spelling import listed

if TYPE_CHECKING:
    from collections.abc import Iterator

    from sluicegate.rules.kit.context import Context

RULE = Rule(name="drop-cascade", level=Level.ERROR)

SETUP = """
CREATE TYPE event_state AS ENUM ('open', 'closed');
CREATE TABLE events (id bigint PRIMARY KEY, state event_state);
"""

BAD = """
op.execute("DROP TYPE event_state CASCADE")
"""

GOOD = """
op.drop_column("events", "state")  # sluicegate: allow[drop-column] unused since release 41
op.execute("DROP TYPE event_state")
"""


def check(context: Context) -> Iterator[Problem]:
    """Judge each CASCADE by what it takes along."""
    if not context.cascades or any(context.dropped_objects("OBJECT_SCHEMA", "OBJECT_EXTENSION")):
        return  # dropping a schema or an extension has a rule of its own
    asked = {command.name for command in context.commands}
    named = set(context.dropped_objects("OBJECT_TABLE", "OBJECT_VIEW", "OBJECT_MATVIEW", "OBJECT_FOREIGN_TABLE"))
    along = [
        thing
        for thing in context.vanished
        if thing.name not in asked and thing.relation not in named and context.in_use(thing.relation)
    ]
    if along:
        yield Problem(
            f"CASCADE silently takes {listed(map(str, along))} along.",
            advice("Drop what depends on it by name, and leave CASCADE out: the server refuses if something is left."),
        )

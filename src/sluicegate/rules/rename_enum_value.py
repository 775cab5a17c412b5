"""Renaming an enum value breaks the code that still writes or compares the old one.

## What it does

`ALTER TYPE … RENAME VALUE`, over in a moment.

## Why it hurts

Every statement with the old label fails from this moment: "invalid input value for enum". Code with the new label
failed until now.

## Instead

Add the new value, write it from now on, backfill the rows that have the old one, and leave the old value in the type.

## When it is fine

When no code and no client names the value.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from sluicegate.catalog.model import Name
from sluicegate.findings import Level
from sluicegate.rules.kit.remedy import execute, instead
from sluicegate.rules.kit.rule import Problem, Rule
from sluicegate.rules.kit.spelling import identifier, literal
from sluicegate.statements.nodes import qualified

if TYPE_CHECKING:
    from collections.abc import Iterator

    from sluicegate.rules.kit.context import Context

RULE = Rule(name="rename-enum-value", level=Level.WARN)

SETUP = """
CREATE TYPE event_state AS ENUM ('open', 'closed');
CREATE TABLE events (id bigint PRIMARY KEY, state event_state);
"""

BAD = """
op.execute("ALTER TYPE event_state RENAME VALUE 'closed' TO 'done'")
"""

GOOD = """
op.execute("ALTER TYPE event_state ADD VALUE IF NOT EXISTS 'done'")
"""


def check(context: Context) -> Iterator[Problem]:
    """Judge each label that changes under running code."""
    if context.kind != "alter_enum_stmt" or not context.node.old_val:
        return
    schema, name = qualified(context.node.type_name)
    full = Name(schema or "public", name)
    if full in context.revision.before.types or not context.before.complete:
        kind, old, new = identifier(name), context.node.old_val, context.node.new_val
        yield Problem(
            f"Renaming the value {literal(old)} of {kind} to {literal(new)} breaks running code: whatever still says "
            f"{literal(old)} fails from this moment.",
            instead(
                execute(f"ALTER TYPE {kind} ADD VALUE IF NOT EXISTS {literal(new)}"),
                advice=f"Add the value, write it from now on, and backfill the rows that have {literal(old)}:",
            ),
        )

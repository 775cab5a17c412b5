"""A constraint that is NOT ENFORCED checks nothing.

## What it does

`ADD CONSTRAINT … NOT ENFORCED`, from PostgreSQL 18, or altering one to it.

## Why it hurts

It looks like a promise in every schema diagram, and neither old nor new rows keep it. It is not NOT VALID, which
holds for new rows.

## Instead

NOT VALID, and VALIDATE in its own transaction.

## When it is fine

To document a relation for tools that read the catalog.
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

RULE = Rule(name="constraint-not-enforced", level=Level.WARN, versions=range(18, 19))

SETUP = """
CREATE TABLE events (id bigint PRIMARY KEY, organization_id bigint, kind varchar(50), payload_text text NOT NULL);
"""

BAD = """
op.execute("ALTER TABLE events ADD CONSTRAINT events_kind_check CHECK (kind <> '') NOT ENFORCED")
"""

GOOD = """
op.execute("ALTER TABLE events ADD CONSTRAINT events_kind_check CHECK (kind <> '') NOT VALID")
"""


def check(context: Context) -> Iterator[Problem]:
    """Judge each constraint that is written down and not kept."""
    for kind in ("CONSTR_CHECK", "CONSTR_FOREIGN"):
        for command, constraint in context.added_constraints(kind):
            if constraint.is_enforced:
                continue
            name = f" {identifier(constraint.conname)}" if constraint.conname else ""
            yield Problem(
                f"The constraint{name} on {context.spelled(command.table)} checks nothing: NOT ENFORCED holds "
                "neither for old "
                "rows nor for new ones.",
                advice("Write NOT VALID, which holds for new rows at once, and validate it in its own transaction."),
            )

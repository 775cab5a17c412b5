"""A constraint without a name gets one that later revisions must guess.

## What it does

The revision adds a constraint to a table in use without naming it.

## Why it hurts

PostgreSQL makes up a name, another one where that is taken. The revision that drops it must know which; on a database
where it differs it fails, or drops another.

## Instead

Name it, or give the MetaData a naming_convention (and `[migrations] naming_convention` in the policy).

## When it is fine

When it will never be dropped or validated by name.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from sluicegate.findings import Level
from sluicegate.rules.kit.remedy import advice
from sluicegate.rules.kit.rule import Problem, Rule

if TYPE_CHECKING:
    from collections.abc import Iterator

    from sluicegate.rules.kit.context import Context

RULE = Rule(name="unnamed-constraint", level=Level.INFO)

SETUP = """
CREATE TABLE events (id bigint PRIMARY KEY, organization_id bigint, kind varchar(50), payload_text text NOT NULL);
"""

BAD = """
op.execute("ALTER TABLE events ADD CHECK (kind <> '') NOT VALID")
"""

GOOD = """
op.execute("ALTER TABLE events ADD CONSTRAINT events_kind_check CHECK (kind <> '') NOT VALID")
"""


def check(context: Context) -> Iterator[Problem]:
    """Judge each constraint by its name."""
    for kind in ("CONSTR_CHECK", "CONSTR_FOREIGN", "CONSTR_UNIQUE", "CONSTR_EXCLUSION"):
        for command, constraint in context.added_constraints(kind):
            if command.kind == "AT_AddConstraint" and not constraint.conname:
                yield Problem(
                    f"This constraint of {context.spelled(command.table)} has no name: PostgreSQL makes one up, "
                    "and a later "
                    "revision must guess it.",
                    advice("Name it."),
                )

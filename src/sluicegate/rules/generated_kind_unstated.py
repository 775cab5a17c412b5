"""A generated column without STORED or VIRTUAL means another thing on each version.

## What it does

`GENERATED ALWAYS AS (…)` with neither word: a syntax error before PostgreSQL 18, VIRTUAL from 18 on. In Alembic,
`sa.Computed(…)` without `persisted`.

## Why it hurts

The same revision fails, or stores nothing, or (through an older SQLAlchemy, which writes STORED) rewrites the table,
depending on where it runs.

## Instead

Say which: `VIRTUAL` (`persisted=False`) from 18 on.

## When it is fine

When every database runs 18 or later.
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

RULE = Rule(name="generated-kind-unstated", level=Level.INFO, versions=range(18, 19))

SETUP = """
CREATE TABLE events (id bigint PRIMARY KEY, organization_id bigint, kind varchar(50), payload_text text NOT NULL);
"""

BAD = """
op.execute("ALTER TABLE events ADD COLUMN kind_length integer GENERATED ALWAYS AS (length(kind))")
"""

GOOD = """
op.execute("ALTER TABLE events ADD COLUMN kind_length integer GENERATED ALWAYS AS (length(kind)) VIRTUAL")
"""


def check(context: Context) -> Iterator[Problem]:
    """Judge each generated column that leaves its kind to the server."""
    for column in context.added_columns():
        if (
            column.generated is not None
            and " stored" not in context.statement.sql.lower()
            and (" virtual" not in context.statement.sql.lower())
        ):
            yield Problem(
                f"{identifier(column.name)} says neither STORED nor VIRTUAL: PostgreSQL 18 takes VIRTUAL, earlier "
                "ones refuse "
                "it.",
                advice("Write VIRTUAL, or persisted=False in sa.Computed."),
            )

"""IF NOT EXISTS skips the statement, because something else has the name already.

## What it does

`CREATE TABLE`, `CREATE INDEX` or `ADD COLUMN` with IF NOT EXISTS, and what exists under that name has other columns,
another type or another definition.

## Why it hurts

The server says NOTICE and goes on. The revision counts as applied, and the schema is not what it says: the next
revision, or the application, finds out.

## Instead

Give the new thing a name of its own, or change the old one with ALTER.

## When it is fine

When what exists is exactly the same, which is not reported.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from sluicegate.findings import Level
from sluicegate.rules.kit.remedy import advice
from sluicegate.rules.kit.rule import Problem, Rule
from sluicegate.rules.kit.skipped import skipped

if TYPE_CHECKING:
    from collections.abc import Iterator

    from sluicegate.rules.kit.context import Context

RULE = Rule(name="if-not-exists-keeps-other-shape", level=Level.WARN)

SETUP = """
CREATE TABLE events (id bigint PRIMARY KEY, organization_id bigint, kind varchar(50), payload_text text NOT NULL);
CREATE INDEX ix_events_kind ON events (kind);
"""

BAD = """
with op.get_context().autocommit_block():
    op.execute("DROP INDEX CONCURRENTLY IF EXISTS ix_events_kind_id")
    op.execute("CREATE INDEX CONCURRENTLY IF NOT EXISTS ix_events_kind_id ON events (kind, id)")
op.execute("ALTER TABLE events ADD COLUMN IF NOT EXISTS kind integer")
"""

GOOD = """
op.execute("ALTER TABLE events ADD COLUMN IF NOT EXISTS kind varchar(50)")
"""


def check(context: Context) -> Iterator[Problem]:
    """Judge each statement that finds another thing under its name."""
    for kept in skipped(context):
        yield Problem(
            f"{kept.what} exists already with another shape ({kept.difference}), so IF NOT EXISTS skips this "
            "statement and "
            "reports success.",
            advice("Give it a name of its own, or change what exists with ALTER."),
        )

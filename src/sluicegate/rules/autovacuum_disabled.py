"""A table without autovacuum grows until somebody remembers.

## What it does

`SET (autovacuum_enabled = false)` on a table, and nothing in the revision turns it on again.

## Why it hurts

Dead rows are never cleaned up, statistics go stale, and in the end a wraparound vacuum starts at a time of its own
choosing.

## Instead

Make autovacuum work harder for the table: a lower `autovacuum_vacuum_scale_factor`, a higher
`autovacuum_vacuum_cost_limit`.

## When it is fine

For the length of a bulk load, in a revision that turns it on again.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from sluicegate.findings import Level
from sluicegate.rules.kit.operations import table_sql
from sluicegate.rules.kit.remedy import execute, instead
from sluicegate.rules.kit.rule import Problem, Rule
from sluicegate.statements.nodes import options, truth

if TYPE_CHECKING:
    from collections.abc import Iterator

    from sluicegate.rules.kit.context import Context

RULE = Rule(name="autovacuum-disabled", level=Level.WARN)

SETUP = """
CREATE TABLE events (id bigint PRIMARY KEY, organization_id bigint, kind varchar(50), payload_text text NOT NULL);
"""

BAD = """
op.execute("ALTER TABLE events SET (autovacuum_enabled = false)")
"""

GOOD = """
op.execute("ALTER TABLE events SET (autovacuum_vacuum_scale_factor = 0.01)")
"""


def check(context: Context) -> Iterator[Problem]:
    """Judge each table that is left to itself."""
    for command in context.actions("AT_SetRelOptions"):
        given = options(getattr(command.node, "def").list.items)
        end = context.revision.after.relations.get(command.table)
        still = end is None or str(end.options.get("autovacuum_enabled", "false")).lower() in {
            "false",
            "off",
            "0",
            "no",
        }
        if "autovacuum_enabled" in given and not truth(given["autovacuum_enabled"]) and still:
            yield Problem(
                f"Autovacuum is off for {context.described(command.table)}: dead rows stay, statistics go stale, "
                "and a wraparound "
                "vacuum comes at a time of its own choosing.",
                instead(execute(f"ALTER TABLE {table_sql(command.table)} SET (autovacuum_vacuum_scale_factor = 0.01)")),
            )

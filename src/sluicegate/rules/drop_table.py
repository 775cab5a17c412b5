"""Dropping a table destroys its rows and stops the tables that its foreign keys touch.

## What it does

`DROP TABLE` takes ACCESS EXCLUSIVE on the table and on every table that it references or that references it.

## Why it hurts

The rows do not come back with a downgrade. Code that still names the table fails at once. While the statement waits
for its locks, every query on the tables at the other end of its foreign keys waits too.

## Instead

Release code that does not use the table. Drop its foreign keys one by one with a short lock_timeout. Rename the table
first if you want a way back, and drop it a release later, with a comment that allows this rule.

## When it is fine

When nothing uses the table any more, and for a table that the same revision created.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from sluicegate.findings import Level
from sluicegate.rules.kit.operations import drop_table
from sluicegate.rules.kit.remedy import allowed, instead
from sluicegate.rules.kit.rule import Problem, Rule
from sluicegate.rules.kit.spelling import listed

if TYPE_CHECKING:
    from collections.abc import Iterator

    from sluicegate.rules.kit.context import Context

RULE = Rule(name="drop-table", level=Level.ERROR)

SETUP = """
CREATE TABLE events (id bigint PRIMARY KEY, organization_id bigint, kind varchar(50), payload_text text NOT NULL);
"""

BAD = """
op.drop_table("events")
"""

GOOD = """
op.drop_table("events")  # sluicegate: allow[drop-table] unused since release 41
"""


def check(context: Context) -> Iterator[Problem]:
    """Judge each table that is dropped."""
    for table in context.dropped_objects("OBJECT_TABLE", "OBJECT_FOREIGN_TABLE"):
        if not context.in_use(table) or (context.before.complete and context.relation(table) is None):
            continue
        others = [context.spelled(name) for name, _ in context.blocked() if name != table]
        yield Problem(
            f"Dropping {context.described(table)} destroys its rows, and code that still names it fails at once"
            + (f"; it also locks {listed(others)} under ACCESS EXCLUSIVE." if others else "."),
            instead(
                allowed(drop_table(table), RULE.name, "unused since <release>"),
                advice="First release code that does not use the table, and drop its foreign keys one at a time. Then "
                "say so where you drop it:",
            ),
        )

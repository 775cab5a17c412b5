"""Rows with ids of their own leave the sequence behind, so that a later INSERT takes an id twice.

## What it does

An INSERT names values for a serial or identity column. The sequence behind the column does not notice: it goes on
where it was, also when the table is new and its rows are seeds. `op.bulk_insert` with ids does the same.

## Why it hurts

The first INSERT of the application that leaves the id to the server gets one of the values that are taken, and fails
with a duplicate key. It fails after the deploy, in somebody else's request.

## Instead

Leave the id out. Where other rows must point at known ids, set the sequence to the highest id in the same revision.

## When it is fine

When the ids are below where the sequence starts, or nobody ever inserts without one. A `setval`, a RESTART or a START
above the ids in the same revision is seen, and OVERRIDING USER VALUE too; none of these is reported.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from sluicegate.findings import Level
from sluicegate.rules.kit.operations import setval
from sluicegate.rules.kit.remedy import instead
from sluicegate.rules.kit.rule import Problem, Rule
from sluicegate.rules.kit.sequences import explicit_numbers
from sluicegate.rules.kit.spelling import identifier

if TYPE_CHECKING:
    from collections.abc import Iterator

    from sluicegate.rules.kit.context import Context

RULE = Rule(name="sequence-left-behind", level=Level.WARN, same_schema=True)

SETUP = """
CREATE TABLE roles (id serial PRIMARY KEY, name text NOT NULL);
"""

BAD = """
op.execute("INSERT INTO roles (id, name) VALUES (1, 'admin'), (2, 'reader')")
"""

GOOD = """
op.execute("INSERT INTO roles (id, name) VALUES (1, 'admin'), (2, 'reader')")
op.execute("SELECT setval(pg_get_serial_sequence('roles', 'id'), (SELECT max(id) FROM roles))")
"""


def check(context: Context) -> Iterator[Problem]:
    """Judge each numbered column to which an INSERT gives values of its own."""
    for table, column in explicit_numbers(context):
        yield Problem(
            f"This gives {context.spelled(table)}.{identifier(column)} values of its own and leaves the sequence "
            "behind it where it is: an INSERT that leaves the id to the server fails with a duplicate key after the "
            "deploy.",
            instead(setval(table, column)),
        )

"""Renaming a column breaks the code that still uses the old name.

## What it does

`RENAME COLUMN` is over in a moment and nothing is rewritten.

## Why it hurts

Between the migration and the last old process, every statement with the old name fails; new code fails until the
migration has run. There is no moment at which both versions work.

## Instead

Add a column with the new name, write both, backfill, switch the readers, then drop the old one. Where only the code's
name should change, map it there: `mapped_column("old_name")`.

## When it is fine

For a swap: when the same revision gives the old name to another column, as the last step of a change of type. That is
not reported. Nor is a column that the same revision added.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from sluicegate.findings import Level
from sluicegate.rules.kit.remedy import advice, python_string
from sluicegate.rules.kit.rule import Problem, Rule
from sluicegate.rules.kit.spelling import identifier

if TYPE_CHECKING:
    from collections.abc import Iterator

    from sluicegate.rules.kit.context import Context

RULE = Rule(name="rename-column", level=Level.WARN)

SETUP = """
CREATE TABLE events (id bigint PRIMARY KEY, organization_id bigint, kind varchar(50), payload_text text NOT NULL);
"""

BAD = """
op.alter_column("events", "kind", new_column_name="category")
"""

GOOD = """
op.add_column("events", sa.Column("category", sa.String(50)))
"""


def check(context: Context) -> Iterator[Problem]:
    """Judge each column that loses its name for good."""
    renamed = context.renamed("OBJECT_COLUMN", "OBJECT_ATTRIBUTE")
    if renamed is None or not context.in_use(renamed.table) or context.name_returns(renamed):
        return
    old, new, table = identifier(renamed.old), identifier(renamed.new), context.spelled(renamed.table)
    if context.added_here(renamed.table, renamed.old):
        return
    yield Problem(
        f"Renaming {table}.{old} to {new} breaks running code: whatever still says {old} fails from this moment, and "
        f"whatever says {new} failed until now.",
        advice(
            f"Keep the column and map the new name in the code ({new} = "
            f"mapped_column({python_string(renamed.old)})), or add "
            f"{new} beside {old}, write both, backfill, and drop {old} a release later."
        ),
    )

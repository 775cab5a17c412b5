"""An exclusion constraint on an existing table builds its index under a lock, and there is no other way to add one.

## What it does

`ADD CONSTRAINT … EXCLUDE` builds an index that compares every row with every other. It has neither a concurrent form
nor NOT VALID.

## Why it hurts

The build runs under ACCESS EXCLUSIVE: every query on the table waits, SELECT included, until the index is built, and
one overlapping pair makes it fail at the end.

## Instead

Create a new table with the constraint and move the rows over, or check overlaps in a trigger.

## When it is fine

On a table that the same revision creates, and on a small one.
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

RULE = Rule(name="exclusion-constraint", level=Level.ERROR, explains_work=True)

SETUP = """
CREATE TABLE bookings (id bigint PRIMARY KEY, during tstzrange NOT NULL);
"""

BAD = """
op.create_exclude_constraint("bookings_no_overlap", "bookings", ("during", "&&"), using="gist")
"""

GOOD = """
op.create_table(
    "bookings_v2",
    sa.Column("id", sa.BigInteger(), primary_key=True),
    sa.Column("during", postgresql.TSTZRANGE(), nullable=False),
    postgresql.ExcludeConstraint(("during", "&&"), name="bookings_v2_no_overlap", using="gist"),
)
"""


def check(context: Context) -> Iterator[Problem]:
    """Judge each exclusion constraint on a table in use."""
    for command, constraint in context.added_constraints("CONSTR_EXCLUSION"):
        if context.builds_index(command, constraint):
            name = f" {identifier(constraint.conname)}" if constraint.conname else ""
            yield Problem(
                f"The exclusion constraint{name} builds its index on {context.described(command.table)} "
                f"{context.waiting(command.table)} until the index is built; it has no concurrent form.",
                advice(
                    "Create a new table with the constraint and move the rows of "
                    f"{context.spelled(command.table)} over, "
                    "or reject overlaps in a trigger."
                ),
            )

"""A tracking column, a change of rows or a maintenance trigger breaks the rule that a table is append-only.

## What it does

On a table that the policy declares append-only (`[tables] append_only`), the revision adds a column that must be
filled in later, updates or deletes rows, or creates a trigger that changes rows.

## Why it hurts

An append-only table is cheap because a row is written once: no dead rows, no bloat, readers that never meet a changed
row, replication and archives that only grow at the end. One status column ends all of that: each row is written
twice, and rows that arrive after a backfill stay NULL for ever unless a trigger fires for each of them.

## Instead

Keep what is learned about a row in a table beside it (a sidecar) with the row's key, or remember how far you have
read with a high watermark. Both find new rows at a cost that does not grow with the table.

## When it is fine

For a column whose value every INSERT supplies from now on and that nobody fills for old rows. Allow it there with a
comment that says so.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from sluicegate.findings import Level
from sluicegate.rules.kit.backfills import sidecar
from sluicegate.rules.kit.rule import Problem, Rule
from sluicegate.rules.kit.spelling import identifier

if TYPE_CHECKING:
    from collections.abc import Iterator

    from sluicegate.rules.kit.context import Context

RULE = Rule(name="append-only-violation", level=Level.ERROR)

POLICY = """
[tables]
append_only = ["public.events"]
"""

SETUP = """
CREATE TABLE events (id bigint PRIMARY KEY, payload_text text NOT NULL);
"""

BAD = """
op.add_column("events", sa.Column("has_embedding", sa.Boolean()))
"""

GOOD = """
op.create_table(
    "event_embedding_status",
    sa.Column("event_id", sa.BigInteger(), primary_key=True, autoincrement=False),
    sa.Column("state", sa.Text(), nullable=False),
)
"""


def check(context: Context) -> Iterator[Problem]:
    """Judge whatever would change a row of an append-only table after it was written."""
    yield from _columns(context)
    yield from _changes(context)
    yield from _triggers(context)


def _columns(context: Context) -> Iterator[Problem]:
    for column in context.added_columns():
        if context.is_append_only(column.table):
            name = identifier(column.name)
            yield Problem(
                f"{context.described(column.table)} is append-only, and {name} would have to be written into rows "
                "that are "
                "already there: each of them is written a second time, and rows that arrive later stay empty unless "
                "something updates them too.",
                sidecar(context, column.table, column.type_name, column.name),
            )


def _changes(context: Context) -> Iterator[Problem]:
    for change in context.data_changes():
        if context.is_append_only(change.table) and change.alters_rows:
            yield Problem(
                f"{change.verb} changes rows of {context.described(change.table)}, which is append-only.",
                sidecar(context, change.table),
            )


def _triggers(context: Context) -> Iterator[Problem]:
    trigger = context.created_trigger()
    if trigger is None:
        return
    name, own = identifier(trigger.name), trigger.table
    for table in trigger.updates:
        if context.is_append_only(table):
            yield Problem(
                f"The trigger {name} on {context.spelled(own)} changes rows of {context.described(table)}, which is "
                "append-only: each of those rows is written a second time.",
                sidecar(context, table),
            )
    if not context.is_append_only(own) or own in trigger.updates:
        return
    if trigger.fills:
        yield Problem(
            f"The trigger {name} maintains a column of {context.described(own)}, which is append-only: every "
            "INSERT pays "
            "for it, and rows that are already there never get it.",
            sidecar(context, own),
        )
    elif not trigger.known:
        yield Problem(
            f"What the trigger {name} does to {context.described(own)} could not be read, and that table is "
            "append-only.",
            level=Level.WARN,
        )

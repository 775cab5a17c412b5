"""A strong lock taken for a moment is held while the same transaction does long work elsewhere.

## What it does

A statement takes a lock that others wait for; a later statement of the same transaction reads, writes or indexes
another table, or changes rows. Locks are let go at the commit, not at the end of the statement.

## Why it hurts

The change that would have blocked one table for a millisecond blocks it for as long as everything after it takes.

## Instead

One strong lock per transaction, as its last step: put the long work into a revision of its own, before, or into an
autocommit block.

## When it is fine

When the later work is on new or small tables, which is not reported.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from sluicegate.findings import Level
from sluicegate.rules.kit.remedy import advice
from sluicegate.rules.kit.rule import Problem, Rule
from sluicegate.rules.kit.words import lock_words, who_waits

if TYPE_CHECKING:
    from collections.abc import Iterator

    from sluicegate.catalog.model import Name
    from sluicegate.rules.kit.context import Context

RULE = Rule(name="lock-held-during-long-work", level=Level.ERROR, lasts=True)

SETUP = """
CREATE TABLE organizations (id bigint PRIMARY KEY, name text NOT NULL);
CREATE TABLE events (id bigint PRIMARY KEY, organization_id bigint, kind varchar(50), payload_text text NOT NULL);
"""

BAD = """
op.add_column("organizations", sa.Column("plan", sa.Text()))
op.execute("CREATE TABLE event_kinds AS SELECT DISTINCT kind FROM events")
"""

GOOD = """
op.execute("CREATE TABLE event_kinds AS SELECT DISTINCT kind FROM events")
op.add_column("organizations", sa.Column("plan", sa.Text()))
"""


def check(context: Context) -> Iterator[Problem]:
    """Judge the first long work of a revision that keeps others out by a lock from an earlier statement."""
    worked = _worked(context)
    if worked is None or context.revision.first(_worked) is not context:
        return  # once a revision: it has to be split, and then all of it looks different
    lock = _holding(context)[0]
    table, mode = lock.blocked()[0]
    yield Problem(
        f"While this statement works through all of {context.described(worked)}, the transaction still holds "
        f"{lock_words(mode)} on {context.spelled(table)} from line {lock.step.captured.location.line}: "
        f"{who_waits(mode, context.spelled(table))} until it commits.",
        advice("Put this statement into a revision of its own, before the other one, or an autocommit block."),
    )


def _worked(context: Context) -> Name | None:
    """Return the table that is worked through under somebody else's lock."""
    limited = context.kind == "select_stmt" and context.node.HasField("limit_count")
    if context.changes_data or limited:
        return None  # data changes have a rule of their own
    long = dict.fromkeys((*context.rewritten(), *context.indexed(), *context.scanned()))
    worked = next((table for table in long if not context.blocks_itself(table)), None)
    return worked if worked is not None and _holding(context) else None


def _holding(context: Context) -> list[Context]:
    """Return the earlier statements whose locks keep others out; validating what they added has a rule of its own."""
    validated = {
        (command.table, command.name) for command in context.commands if command.kind == "AT_ValidateConstraint"
    }
    held = context.committed_with()
    return [
        e for e in held if e.blocked() and not validated & {(command.table, command.name) for command in e.commands}
    ]

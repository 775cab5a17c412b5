"""Validating a constraint in the transaction that added it reads the table under the lock of the addition.

## What it does

`ADD CONSTRAINT … NOT VALID` and `VALIDATE CONSTRAINT` commit together.

## Why it hurts

The strong lock of the addition (ACCESS EXCLUSIVE for a CHECK, SHARE ROW EXCLUSIVE on both tables for a foreign key)
is held until the commit, so the validation reads every row under it. NOT VALID has gained nothing.

## Instead

Validate in a transaction of its own: in an autocommit block, or in the next revision where each revision commits by
itself.

## When it is fine

On a table that the same revision creates, and on a small one.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from sluicegate.findings import Level
from sluicegate.rules.kit.operations import validate
from sluicegate.rules.kit.remedy import instead
from sluicegate.rules.kit.rule import Problem, Rule
from sluicegate.rules.kit.spelling import identifier

if TYPE_CHECKING:
    from collections.abc import Iterator

    from sluicegate.rules.kit.context import Context

RULE = Rule(name="validate-in-same-transaction", level=Level.ERROR, explains_work=True, same_schema=True)

SETUP = """
CREATE TABLE events (id bigint PRIMARY KEY, organization_id bigint, kind varchar(50), payload_text text NOT NULL);
"""

BAD = """
op.create_check_constraint("events_kind_check", "events", "kind <> ''", postgresql_not_valid=True)
op.execute("ALTER TABLE events VALIDATE CONSTRAINT events_kind_check")
"""

GOOD = """
op.create_check_constraint("events_kind_check", "events", "kind <> ''", postgresql_not_valid=True)
with op.get_context().autocommit_block():
    op.execute("ALTER TABLE events VALIDATE CONSTRAINT events_kind_check")
"""


def check(context: Context) -> Iterator[Problem]:
    """Judge each validation under a lock that its own transaction holds."""
    for command in context.actions("AT_ValidateConstraint"):
        if command.table not in context.scanned(command):
            continue
        for earlier in context.committed_with():
            for other in earlier.commands:
                constraint = other.definition if other.kind == "AT_AddConstraint" else None
                if constraint is None or constraint.conname != command.name or other.table != command.table:
                    continue
                yield Problem(
                    f"{identifier(command.name)} was added in the same transaction, so its validation reads all of "
                    f"{context.described(command.table)} {earlier.waiting(command.table)} until it commits.",
                    instead(validate(command.table, command.name)),
                )

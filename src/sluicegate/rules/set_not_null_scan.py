"""SET NOT NULL reads the whole table under a lock that nobody gets past.

## What it does

`ALTER COLUMN … SET NOT NULL` looks at every row to make sure that none holds NULL.

## Why it hurts

It reads under ACCESS EXCLUSIVE: every query on the table waits, SELECT included, until the last row is read; and it
fails at the end when a NULL turns up.

## Instead

Add `CHECK (column IS NOT NULL) NOT VALID`, which takes a moment; validate it in its own transaction, which reads
while others read and write; then SET NOT NULL, which PostgreSQL 12 and later do without reading because the CHECK
proves it; then drop the CHECK, in a statement of its own. PostgreSQL 18 can also add the constraint itself as `NOT
NULL … NOT VALID`.

## When it is fine

When a validated CHECK proves it already, on a table that the same revision creates, and on a small one. None of these
is reported.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from sluicegate.findings import Level
from sluicegate.rules.kit.operations import not_null_by_check
from sluicegate.rules.kit.remedy import instead
from sluicegate.rules.kit.rule import Problem, Rule
from sluicegate.rules.kit.spelling import identifier

if TYPE_CHECKING:
    from collections.abc import Iterator

    from sluicegate.rules.kit.context import Context

RULE = Rule(name="set-not-null-scan", level=Level.ERROR, explains_work=True, same_schema=True)

SETUP = """
CREATE TABLE events (id bigint PRIMARY KEY, organization_id bigint, kind varchar(50), payload_text text NOT NULL);
"""

BAD = """
op.alter_column("events", "organization_id", nullable=False)
"""

GOOD = (
    """
op.create_check_constraint(
    "events_organization_id_set", "events", "organization_id IS NOT NULL", postgresql_not_valid=True
)
""",
    """
op.execute("ALTER TABLE events VALIDATE CONSTRAINT events_organization_id_set")
""",
    """
op.alter_column("events", "organization_id", nullable=False)
op.drop_constraint("events_organization_id_set", "events", type_="check")
""",
)


def check(context: Context) -> Iterator[Problem]:
    """Judge each SET NOT NULL that has to look at the rows."""
    for command in context.actions("AT_SetNotNull"):
        for table in context.scanned(command):
            column = identifier(command.name)
            yield Problem(
                f"SET NOT NULL on {column} reads all of {context.described(table)} {context.waiting(table)} until "
                "the last "
                "row is read.",
                instead(*not_null_by_check(command.table, command.name)),
            )

"""Adding a UNIQUE constraint builds its index while nobody can use the table.

## What it does

`ADD CONSTRAINT … UNIQUE`, or UNIQUE on a column that is being added, builds an index.

## Why it hurts

The build runs under ACCESS EXCLUSIVE, not under the weaker lock of CREATE INDEX: every query on the table waits,
SELECT included, until the index is built, and a duplicate makes it fail at the end.

## Instead

Build a unique index concurrently, outside a transaction; then attach it with `ADD CONSTRAINT … UNIQUE USING INDEX`,
which takes a moment.

## When it is fine

On a table that the same revision creates, and on a small one.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from sluicegate.findings import Level
from sluicegate.rules.kit.operations import constraint_using_index
from sluicegate.rules.kit.remedy import instead
from sluicegate.rules.kit.rule import Problem, Rule
from sluicegate.rules.kit.spelling import identifier
from sluicegate.statements.nodes import strings

if TYPE_CHECKING:
    from collections.abc import Iterator

    from sluicegate.rules.kit.context import Context

RULE = Rule(name="unique-constraint-builds-index", level=Level.ERROR, explains_work=True, same_schema=True)

SETUP = """
CREATE TABLE events (id bigint PRIMARY KEY, organization_id bigint, kind varchar(50), payload_text text NOT NULL);
"""

BAD = """
op.create_unique_constraint("events_kind_key", "events", ["kind"])
"""

GOOD = """
with op.get_context().autocommit_block():
    op.create_index("events_kind_key", "events", ["kind"], unique=True, postgresql_concurrently=True)
op.execute("ALTER TABLE events ADD CONSTRAINT events_kind_key UNIQUE USING INDEX events_kind_key")
"""


def check(context: Context) -> Iterator[Problem]:
    """Judge each unique constraint that builds its index under the lock."""
    for command, constraint in context.added_constraints("CONSTR_UNIQUE"):
        if not context.builds_index(command, constraint):
            continue
        columns = list(strings(constraint.keys)) or [command.name]
        name = constraint.conname or f"{command.table.name}_{'_'.join(columns)}_key"
        yield Problem(
            f"The unique constraint {identifier(name)} builds its index on {context.described(command.table)} "
            f"{context.waiting(command.table)} until the index is built.",
            instead(*constraint_using_index(command.table, name, columns, "UNIQUE")),
        )

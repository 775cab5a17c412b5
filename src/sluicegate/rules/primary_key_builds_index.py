"""Adding a primary key builds its index, and often reads every row, while nobody can use the table.

## What it does

`ADD PRIMARY KEY` builds a unique index; on a column that may hold NULL it first reads the table to make it NOT NULL,
also when an index is given with USING INDEX.

## Why it hurts

All of it runs under ACCESS EXCLUSIVE: every query on the table waits, SELECT included, until it is done, and a
duplicate or NULL makes it fail at the end.

## Instead

Make the columns NOT NULL by way of a validated CHECK, build a unique index concurrently, and attach it with `ADD
CONSTRAINT … PRIMARY KEY USING INDEX`, which then takes a moment.

## When it is fine

On a table that the same revision creates, and on a small one.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from sluicegate.findings import Level
from sluicegate.rules.kit.operations import constraint_using_index, not_null_by_check
from sluicegate.rules.kit.remedy import instead
from sluicegate.rules.kit.rule import Problem, Rule
from sluicegate.rules.kit.spelling import identifier
from sluicegate.statements.nodes import strings

if TYPE_CHECKING:
    from collections.abc import Iterator

    from sluicegate.rules.kit.context import Context

RULE = Rule(name="primary-key-builds-index", level=Level.ERROR, explains_work=True, same_schema=True)

SETUP = """
CREATE TABLE events (id bigint NOT NULL, payload_text text NOT NULL);
"""

BAD = """
op.create_primary_key("events_pkey", "events", ["id"])
"""

GOOD = """
with op.get_context().autocommit_block():
    op.create_index("events_pkey", "events", ["id"], unique=True, postgresql_concurrently=True)
op.execute("ALTER TABLE events ADD CONSTRAINT events_pkey PRIMARY KEY USING INDEX events_pkey")
"""


def check(context: Context) -> Iterator[Problem]:
    """Judge each primary key that builds its index or reads the table under the lock."""
    for command, constraint in context.added_constraints("CONSTR_PRIMARY"):
        reads = command.table in context.scanned(command)
        if not (reads or context.builds_index(command, constraint)) or context.rewritten(command):
            continue
        given = context.before.find_index(None, constraint.indexname, context.step.session.search_path)
        columns = list(strings(constraint.keys)) or ([key.column or "" for key in given.keys] if given else [])
        columns = columns or [command.name]
        name = constraint.conname or f"{command.table.name}_pkey"
        nullable = [c for c in columns if (found := context.column(command.table, c)) and not found.not_null]
        doing = "reads every row of" if constraint.indexname else "builds its index on"
        checks = [step for column in nullable for step in not_null_by_check(command.table, column)]
        attach = constraint_using_index(command.table, name, columns, "PRIMARY KEY")
        yield Problem(
            f"The primary key {identifier(name)} {doing} {context.described(command.table)} "
            f"{context.waiting(command.table)} until that is done.",
            instead(*checks, *(attach[1:] if constraint.indexname else attach)),
        )

"""Adding a CHECK reads the whole table under a lock that nobody gets past.

## What it does

`ADD CONSTRAINT … CHECK` without NOT VALID, or a CHECK on a column that is being added, tests every row.

## Why it hurts

It reads under ACCESS EXCLUSIVE: every query on the table waits, SELECT included, until the last row is tested.

## Instead

Add the CHECK NOT VALID, which takes a moment and holds for new rows at once, and validate it in its own transaction,
which lets reads and writes go on.

## When it is fine

On a table that the same revision creates, and on a small one.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from sluicegate.findings import Level
from sluicegate.rules.kit.operations import add_check_not_valid, add_column, validate
from sluicegate.rules.kit.remedy import instead
from sluicegate.rules.kit.rule import Problem, Rule
from sluicegate.rules.kit.spelling import expression_sql, identifier

if TYPE_CHECKING:
    from collections.abc import Iterator

    from sluicegate.rules.kit.context import Context

RULE = Rule(name="check-validated-at-once", level=Level.ERROR, explains_work=True, same_schema=True)

SETUP = """
CREATE TABLE events (id bigint PRIMARY KEY, organization_id bigint, kind varchar(50), payload_text text NOT NULL);
"""

BAD = """
op.create_check_constraint("events_kind_check", "events", "kind <> ''")
"""

GOOD = """
op.create_check_constraint("events_kind_check", "events", "kind <> ''", postgresql_not_valid=True)
with op.get_context().autocommit_block():
    op.execute("ALTER TABLE events VALIDATE CONSTRAINT events_kind_check")
"""


def check(context: Context) -> Iterator[Problem]:
    """Judge each CHECK whose rows are tested under the lock."""
    for command, constraint in context.added_constraints("CONSTR_CHECK"):
        if constraint.skip_validation or command.table not in context.scanned(command):
            continue
        condition = expression_sql(constraint.raw_expr)
        name = constraint.conname or f"{command.table.name}_{command.name or 'new'}_check"
        steps = [add_check_not_valid(command.table, name, condition), validate(command.table, name)]
        if command.kind == "AT_AddColumn":
            steps.insert(0, add_column(command.table, command.name, command.definition.type_name))
        yield Problem(
            f"The check {identifier(name)} tests every row of {context.described(command.table)} "
            f"{context.waiting(command.table)} until the last row is tested.",
            instead(*steps),
        )

"""Adding a foreign key checks every row while writes on both tables wait.

## What it does

`ADD CONSTRAINT … FOREIGN KEY` without NOT VALID looks up the parent of every row. Alembic's `add_column` with a
`ForeignKey` does it too, as a second statement.

## Why it hurts

It holds SHARE ROW EXCLUSIVE on the referencing and on the referenced table until the last row is checked: every
INSERT, UPDATE and DELETE on both waits.

## Instead

Add the foreign key NOT VALID, which takes a moment and holds for new rows at once, and validate it in its own
transaction, which lets reads and writes go on.

## When it is fine

When the referencing table is new in the same revision or small, and for an inline REFERENCES on a new nullable column
without a default (`inline_references=True`): every value is NULL, so nothing is read.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from sluicegate.findings import Level
from sluicegate.rules.kit.operations import add_foreign_key_not_valid, validate
from sluicegate.rules.kit.remedy import instead
from sluicegate.rules.kit.rule import Problem, Rule
from sluicegate.rules.kit.spelling import identifier
from sluicegate.statements.nodes import strings

if TYPE_CHECKING:
    from collections.abc import Iterator

    from sluicegate.rules.kit.context import Context

RULE = Rule(name="foreign-key-validated-at-once", level=Level.ERROR, explains_work=True, same_schema=True)

SETUP = """
CREATE TABLE organizations (id bigint PRIMARY KEY, name text NOT NULL);
CREATE TABLE events (id bigint PRIMARY KEY, organization_id bigint, kind varchar(50), payload_text text NOT NULL);
"""

BAD = """
op.create_foreign_key("events_organization_id_fkey", "events", "organizations", ["organization_id"], ["id"])
"""

GOOD = """
op.create_foreign_key(
    "events_organization_id_fkey", "events", "organizations", ["organization_id"], ["id"], postgresql_not_valid=True
)
with op.get_context().autocommit_block():
    op.execute("ALTER TABLE events VALIDATE CONSTRAINT events_organization_id_fkey")
"""


def check(context: Context) -> Iterator[Problem]:
    """Judge each foreign key whose rows are checked under the lock."""
    for command, constraint in context.added_constraints("CONSTR_FOREIGN"):
        scanned = context.scanned(command)
        if command.table not in scanned:
            continue
        target = context.name_of(constraint.pktable)
        columns = list(strings(constraint.fk_attrs)) or [command.name]
        name = constraint.conname or f"{command.table.name}_{'_'.join(columns)}_fkey"
        yield Problem(
            f"The foreign key {identifier(name)} checks every row of {context.described(command.table)} at once: "
            "until the "
            f"last one is checked, every INSERT, UPDATE and DELETE on {context.spelled(command.table)} and "
            f"{context.spelled(target)} waits.",
            instead(
                add_foreign_key_not_valid(command.table, constraint, name, columns, target),
                validate(command.table, name),
            ),
        )

"""Without its primary key a table has duplicates, and neither backfills nor logical replication can follow it.

## What it does

`DROP CONSTRAINT` of a primary key, or DROP COLUMN of one of its columns.

## Why it hurts

Nothing stops duplicate rows from now on. Logical replication cannot send UPDATE and DELETE any more: they fail on the
publisher. Backfills and drift checks lose the key by which they find rows. Adding it again builds an index over the
whole table.

## Instead

Create the new unique index concurrently first, and swap the two constraints in one statement: `DROP CONSTRAINT …, ADD
CONSTRAINT … PRIMARY KEY USING INDEX …`.

## When it is fine

When the same revision puts another primary key in its place, which is not reported.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from sluicegate.catalog.model import ConstraintKind
from sluicegate.findings import Level
from sluicegate.rules.kit.operations import constraint_using_index, table_sql
from sluicegate.rules.kit.remedy import execute, instead
from sluicegate.rules.kit.rule import Problem, Rule
from sluicegate.rules.kit.spelling import identifier

if TYPE_CHECKING:
    from collections.abc import Iterator

    from sluicegate.rules.kit.context import Context

RULE = Rule(name="drop-primary-key", level=Level.ERROR)

SETUP = """
CREATE TABLE events (id bigint PRIMARY KEY, organization_id bigint, kind varchar(50), payload_text text NOT NULL);
"""

BAD = """
op.drop_constraint("events_pkey", "events", type_="primary")
"""

GOOD = (
    """
with op.get_context().autocommit_block():
    op.create_index("events_pkey_new", "events", ["id"], unique=True, postgresql_concurrently=True)
op.execute(
    "ALTER TABLE events DROP CONSTRAINT events_pkey, ADD CONSTRAINT events_pkey_new PRIMARY KEY USING INDEX "
    "events_pkey_new"
)
""",
)


def check(context: Context) -> Iterator[Problem]:
    """Judge each primary key that is gone when the revision ends."""
    for command in context.actions("AT_DropConstraint"):
        relation = context.relation(command.table)
        constraint = relation.constraints.get(command.name) if relation else None
        if constraint is None or constraint.kind is not ConstraintKind.PRIMARY_KEY:
            continue
        end = context.revision.after.relations.get(command.table)
        if end is None or any(c.kind is ConstraintKind.PRIMARY_KEY for c in end.constraints.values()):
            continue
        columns = list(constraint.columns)
        name = f"{command.table.name}_pkey_new"
        yield Problem(
            f"{context.described(command.table)} is left without a primary key: duplicates come in, and UPDATE "
            "and DELETE "
            "fail where the table is published by logical replication.",
            instead(
                *constraint_using_index(command.table, name, columns, "PRIMARY KEY")[:1],
                execute(
                    f"ALTER TABLE {table_sql(command.table)} DROP CONSTRAINT {identifier(command.name)}, "
                    f"ADD CONSTRAINT {identifier(name)} PRIMARY KEY USING INDEX {identifier(name)}"
                ),
            ),
        )

"""Deleting a parent reads the whole child table, because no index finds its children.

## What it does

The revision adds a foreign key, and when it ends no index of the referencing table begins with its columns.

## Why it hurts

Every DELETE on the parent, and every UPDATE of its key, looks for children by reading the whole child table.
Validating the foreign key does too.

## Instead

An index on the referencing columns, built concurrently.

## When it is fine

When parents are never deleted and their keys never change.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from sluicegate.findings import Level
from sluicegate.rules.kit.operations import index_concurrently
from sluicegate.rules.kit.remedy import instead
from sluicegate.rules.kit.rule import Problem, Rule
from sluicegate.rules.kit.spelling import listed
from sluicegate.statements.nodes import strings

if TYPE_CHECKING:
    from collections.abc import Iterator

    from sluicegate.rules.kit.context import Context

RULE = Rule(name="foreign-key-without-index", level=Level.INFO)

SETUP = """
CREATE TABLE organizations (id bigint PRIMARY KEY, name text NOT NULL);
CREATE TABLE events (id bigint PRIMARY KEY, organization_id bigint, kind varchar(50), payload_text text NOT NULL);
"""

BAD = """
op.create_foreign_key(
    "events_organization_id_fkey", "events", "organizations", ["organization_id"], ["id"], postgresql_not_valid=True
)
"""

GOOD = """
with op.get_context().autocommit_block():
    op.create_index("ix_events_organization_id", "events", ["organization_id"], postgresql_concurrently=True)
op.create_foreign_key(
    "events_organization_id_fkey", "events", "organizations", ["organization_id"], ["id"], postgresql_not_valid=True
)
"""


def check(context: Context) -> Iterator[Problem]:
    """Judge each new foreign key by the indexes at the end of the revision."""
    for command, constraint in context.added_constraints("CONSTR_FOREIGN"):
        columns = list(strings(constraint.fk_attrs)) or [command.name]
        end = context.revision.after
        served = any(
            index.predicate is None and {key.column for key in index.keys[: len(columns)]} == set(columns)
            for index in end.indexes_of(command.table)
        )
        if not served:
            name = f"ix_{command.table.name}_{'_'.join(columns)}"
            yield Problem(
                f"No index of {context.described(command.table)} begins with {listed(columns)}, so every DELETE on "
                f"{context.spelled(context.name_of(constraint.pktable))} reads all of it.",
                instead(index_concurrently(command.table, name, columns)),
            )

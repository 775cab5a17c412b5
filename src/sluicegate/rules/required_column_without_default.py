"""A NOT NULL column without a default cannot be added to a table that holds rows.

## What it does

`ADD COLUMN … NOT NULL` without a default: every existing row would hold NULL.

## Why it hurts

PostgreSQL reads the table under ACCESS EXCLUSIVE and refuses at the first row. It works on an empty development
database and stops the deploy in production.

## Instead

Add the column nullable, backfill it, verify, and mark it NOT NULL in a later revision.

## When it is fine

On a table that the same revision creates.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from sluicegate.findings import Level
from sluicegate.rules.kit.operations import add_column, not_null_by_check
from sluicegate.rules.kit.remedy import Revision, phased
from sluicegate.rules.kit.rule import Problem, Rule
from sluicegate.rules.kit.spelling import identifier

if TYPE_CHECKING:
    from collections.abc import Iterator

    from sluicegate.rules.kit.context import Context

RULE = Rule(name="required-column-without-default", level=Level.ERROR, explains_work=True, rejected=True)

SETUP = """
CREATE TABLE events (id bigint PRIMARY KEY, organization_id bigint, kind varchar(50), payload_text text NOT NULL);
INSERT INTO events VALUES (1, 1, 'sign-up', 'hello');
"""

BAD = """
op.add_column("events", sa.Column("language", sa.Text(), nullable=False))
"""

GOOD = """
op.add_column("events", sa.Column("language", sa.Text()))
"""


def check(context: Context) -> Iterator[Problem]:
    """Judge each added column that no existing row could satisfy."""
    for column in context.added_columns():
        filled = column.default is not None or column.generated is not None or column.identity or column.serial
        if filled or not column.not_null or context.rows(column.table) == 0:
            continue
        table, name = context.described(column.table), identifier(column.name)
        yield Problem(
            f"{name} is NOT NULL and has no default, so adding it fails as soon as {table} holds a row: it works on an "
            "empty database and stops the deploy in production.",
            phased(
                Revision("this revision", (add_column(column.table, column.name, column.type_name),)),
                Revision(
                    "a later revision, after the backfill is verified", not_null_by_check(column.table, column.name)
                ),
            ),
        )

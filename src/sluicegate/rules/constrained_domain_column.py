"""Adding a column whose type is a domain with constraints rewrites the whole table.

## What it does

`ADD COLUMN` with a domain that has a CHECK or NOT NULL tests the domain for every row by writing the row, even
without a default.

## Why it hurts

The rewrite runs under ACCESS EXCLUSIVE: every query on the table waits, SELECT included, until the last row is
written.

## Instead

Use the domain's base type and put the condition into a CHECK of the table, added NOT VALID and validated later.

## When it is fine

A domain without constraints rewrites nothing and is not reported. Nor is a new or a small table.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from sluicegate.findings import Level
from sluicegate.rules.kit.remedy import advice
from sluicegate.rules.kit.rule import Problem, Rule
from sluicegate.rules.kit.spelling import identifier

if TYPE_CHECKING:
    from collections.abc import Iterator

    from sluicegate.rules.kit.context import Context

RULE = Rule(name="constrained-domain-column", level=Level.ERROR, explains_work=True)

SETUP = """
CREATE TABLE events (id bigint PRIMARY KEY, organization_id bigint, kind varchar(50), payload_text text NOT NULL);
CREATE DOMAIN language_code AS text CHECK (VALUE ~ '^[a-z]{2}$');
"""

BAD = """
op.execute("ALTER TABLE events ADD COLUMN language language_code")
"""

GOOD = """
op.add_column("events", sa.Column("language", sa.Text()))
op.create_check_constraint("events_language_check", "events", "language ~ '^[a-z]{2}$'", postgresql_not_valid=True)
with op.get_context().autocommit_block():
    op.execute("ALTER TABLE events VALIDATE CONSTRAINT events_language_check")
"""


def check(context: Context) -> Iterator[Problem]:
    """Judge each added column whose domain is tested row by row."""
    for column in context.added_columns():
        domain = context.domain_of(column)
        if domain is None:
            continue
        for table in context.rewritten(column):
            yield Problem(
                f"The domain {context.spelled(domain.name)} is tested for every row of {identifier(column.name)}, "
                "which "
                f"rewrites {context.described(table)} {context.waiting(table)} until the last row is written.",
                advice(
                    f"Add {identifier(column.name)} with the type below the domain, and its condition as a CHECK "
                    "of the "
                    "table: NOT VALID first, validated in its own transaction."
                ),
            )

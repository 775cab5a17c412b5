"""The statement writes a whole table anew.

## What it does

It replaces the table's file: VACUUM FULL, CLUSTER, SET LOGGED or UNLOGGED, SET TABLESPACE, SET ACCESS METHOD, a new
generation expression, and anything else that no other rule names.

## Why it hurts

The table is written anew under a lock that queries wait for, usually ACCESS EXCLUSIVE, and needs its own size again
as free disk space.

## Instead

Build the new form beside the old one and fill it in batches. For bloat, use pg_repack, or REPACK CONCURRENTLY from
PostgreSQL 19.

## When it is fine

On a table that the same revision creates, and on a small one.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from sluicegate.findings import Level
from sluicegate.rules.kit.remedy import advice
from sluicegate.rules.kit.rule import Problem, Rule

if TYPE_CHECKING:
    from collections.abc import Iterator

    from sluicegate.rules.kit.context import Context

RULE = Rule(name="table-rewrite", level=Level.ERROR, last_resort=True)

SETUP = """
CREATE TABLE events (id bigint PRIMARY KEY, organization_id bigint, kind varchar(50), payload_text text NOT NULL);
"""

BAD = """
op.execute("ALTER TABLE events SET UNLOGGED")
"""

GOOD = """
op.execute("CREATE UNLOGGED TABLE events_import (LIKE events)")
"""


def check(context: Context) -> Iterator[Problem]:
    """Judge each rewrite that no other rule has an answer to."""
    for table in context.rewritten():
        if context.is_uncertain and context.relation(table) is None:
            continue  # of a table that nobody showed us; could-not-judge says what is missing
        why = context.effects.reasons.get(str(table), "")
        yield Problem(
            f"The statement rewrites {context.described(table)} {context.waiting(table)} until the last row is written"
            + (f" ({why})." if why else "."),
            advice("Build the new form in a table or column beside it, fill it in batches, and switch by name."),
        )

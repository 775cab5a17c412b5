"""Strong locks on several tables in one transaction invite a deadlock with the application.

## What it does

By the end of the transaction the revision holds a lock that writers or readers wait for on three tables or more.

## Why it hurts

The application locks the same tables in another order: one of the two is cancelled. Each lock is held until the last
one has been granted, so the first table waits for the queue of the last.

## Instead

One table per revision, or per autocommit block, each with its own lock_timeout.

## When it is fine

When nothing uses the tables together.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from sluicegate.findings import Level
from sluicegate.rules.kit.remedy import advice
from sluicegate.rules.kit.rule import Option, Problem, Rule
from sluicegate.rules.kit.spelling import listed

if TYPE_CHECKING:
    from collections.abc import Iterator

    from sluicegate.rules.kit.context import Context

RULE = Rule(
    name="locks-several-tables",
    level=Level.INFO,
    options=(Option("tables", 3, "How many locked tables in one transaction are too many."),),
)

SETUP = """
CREATE TABLE organizations (id bigint PRIMARY KEY, name text NOT NULL);
CREATE TABLE events (id bigint PRIMARY KEY, organization_id bigint, kind varchar(50), payload_text text NOT NULL);
CREATE TABLE members (id bigint PRIMARY KEY, name text);
"""

BAD = """
op.add_column("organizations", sa.Column("note", sa.Text()))
op.add_column("events", sa.Column("note", sa.Text()))
op.add_column("members", sa.Column("note", sa.Text()))
"""

GOOD = """
op.add_column("organizations", sa.Column("note", sa.Text()))
op.add_column("organizations", sa.Column("plan", sa.Text()))
"""


def check(context: Context) -> Iterator[Problem]:
    """Judge the statement with which a transaction reaches the limit."""
    limit: int = context.option("tables")
    before = {table for earlier in context.committed_with() for table, _ in earlier.blocked()}
    now = before | {table for table, _ in context.blocked()}
    if len(before) < limit <= len(now):
        names = listed(sorted(context.spelled(table) for table in now))
        yield Problem(
            f"From here on the transaction holds strong locks on {names}: whoever uses them in another order "
            "deadlocks with "
            "it, and all of them wait for the slowest.",
            advice("Give each table a revision, or an autocommit block, of its own."),
        )

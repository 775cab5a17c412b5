"""Changing rows inside a revision holds their locks, and the deploy, until every row is done.

## What it does

An UPDATE, DELETE, MERGE or INSERT … SELECT over a table that already existed, issued by a revision.

## Why it hurts

All rows change in one transaction: each stays locked until the end, every other statement's locks in the same
transaction are held as long, replicas lag, dead rows pile up, and a failure after an hour undoes the hour. While it
runs the deploy waits.

## Instead

A backfill: a file in `backfills/` that says which rows are owed work and how a row is done. It runs outside the
deploy, in batches that commit, can be stopped and resumed, and ends with a proof; the next revision waits for that
proof with `op.require_backfill(…)`.

## When it is fine

On a table that the same revision creates, on a table known to be small, for rows picked by constants (a handful of
settings), and for INSERT … VALUES of seed rows.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from sluicegate.findings import Level
from sluicegate.rules.kit.backfills import backfill
from sluicegate.rules.kit.remedy import advice
from sluicegate.rules.kit.rule import Problem, Rule

if TYPE_CHECKING:
    from collections.abc import Iterator

    from sluicegate.rules.kit.context import Context

RULE = Rule(name="data-change-in-revision", level=Level.ERROR, lasts=True)

SETUP = """
CREATE TABLE workflow_insights (id bigint PRIMARY KEY, content text NOT NULL);
"""

BAD = """
op.add_column("workflow_insights", sa.Column("language", sa.Text()))
op.execute("UPDATE workflow_insights SET language = 'en'")
"""

GOOD = """
op.add_column("workflow_insights", sa.Column("language", sa.Text()))
"""


def check(context: Context) -> Iterator[Problem]:
    """Judge each change of rows that were there before the revision, and what COPY brings in."""
    if context.kind == "copy_stmt" and context.node.is_from and context.node.HasField("relation"):
        table = context.name_of(context.node.relation)
        if context.in_use(table):
            yield Problem(
                f"COPY loads rows into {context.described(table)} during the deploy, however many the file holds.",
                advice("Load the file outside the deploy, in batches that commit."),
                level=Level.WARN,
            )
    for change in context.data_changes():
        table = change.table
        if not context.in_use_and_large(table) or change.picks_by_key or context.is_append_only(table):
            continue
        yield Problem(
            f"{change.verb} {change.extent} {context.described(table)} in one transaction: each changed row stays "
            "locked, and "
            "the deploy waits, until the last one is done.",
            backfill(change, context),
        )

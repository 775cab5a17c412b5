"""Refreshing a materialized view without CONCURRENTLY stops everybody who reads it.

## What it does

`REFRESH MATERIALIZED VIEW` computes the whole view anew.

## Why it hurts

It holds ACCESS EXCLUSIVE on the view until the query is done: every SELECT on it waits.

## Instead

`REFRESH MATERIALIZED VIEW CONCURRENTLY`, which needs a unique index on the view, run outside the deploy by a
scheduler.

## When it is fine

For a view that the same revision creates, and a small one.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from sluicegate.findings import Level
from sluicegate.rules.kit.operations import table_sql
from sluicegate.rules.kit.remedy import execute, instead
from sluicegate.rules.kit.rule import Problem, Rule

if TYPE_CHECKING:
    from collections.abc import Iterator

    from sluicegate.rules.kit.context import Context

RULE = Rule(name="refresh-not-concurrent", level=Level.ERROR, explains_work=True)

SETUP = """
CREATE TABLE events (id bigint PRIMARY KEY, organization_id bigint, kind varchar(50), payload_text text NOT NULL);
CREATE MATERIALIZED VIEW event_kinds AS SELECT kind, count(*) AS events FROM events GROUP BY kind;
CREATE UNIQUE INDEX ON event_kinds (kind);
"""

BAD = """
op.execute("REFRESH MATERIALIZED VIEW event_kinds")
"""

GOOD = """
op.execute("REFRESH MATERIALIZED VIEW CONCURRENTLY event_kinds")
"""


def check(context: Context) -> Iterator[Problem]:
    """Judge each refresh that keeps readers out."""
    if context.kind != "refresh_mat_view_stmt" or context.node.concurrent or context.node.skip_data:
        return
    view = context.name_of(context.node.relation)
    if not context.in_use_and_large(view) or (context.relation(view) is None and context.before.complete):
        return
    sql = f"REFRESH MATERIALIZED VIEW CONCURRENTLY {table_sql(view)}"
    yield Problem(
        f"Refreshing {context.described(view)} computes all of it {context.waiting(view)} until the last row is "
        "written.",
        instead(
            execute(sql), advice="With a unique index on the view, and better from a scheduler than from a revision:"
        ),
    )

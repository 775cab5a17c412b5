"""Dropping a view breaks the code that still reads it.

## What it does

`DROP VIEW` or `DROP MATERIALIZED VIEW`, and the revision does not create it again. With CASCADE, whatever reads it
goes along.

## Why it hurts

Every statement that names the view fails at once. A materialized view takes its rows and indexes with it.

## Instead

Release code that does not read the view, then drop it with a comment that allows this rule. To change a view, use
CREATE OR REPLACE, or drop and create it in one transaction.

## When it is fine

When the same revision creates it again, which is not reported, and when nothing reads it any more.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from postgast import pg_query_pb2 as pg

from sluicegate.findings import Level
from sluicegate.rules.kit.remedy import allowed, execute, instead
from sluicegate.rules.kit.rule import Problem, Rule

if TYPE_CHECKING:
    from collections.abc import Iterator

    from sluicegate.rules.kit.context import Context

RULE = Rule(name="drop-view", level=Level.WARN)

SETUP = """
CREATE TABLE events (id bigint PRIMARY KEY, organization_id bigint, kind varchar(50), payload_text text NOT NULL);
CREATE VIEW recent_events AS SELECT id, kind FROM events;
"""

BAD = """
op.execute("DROP VIEW recent_events")
"""

GOOD = """
op.execute("CREATE OR REPLACE VIEW recent_events AS SELECT id, kind FROM events WHERE kind <> ''")
"""


def check(context: Context) -> Iterator[Problem]:
    """Judge each view that does not come back."""
    for view in context.dropped_objects("OBJECT_VIEW", "OBJECT_MATVIEW"):
        relation = context.relation(view)
        if not context.in_use(view) or view in context.revision.after.relations:
            continue
        if relation is None and context.before.complete:
            continue
        kind = "materialized view" if context.node.remove_type == pg.OBJECT_MATVIEW else "view"
        yield Problem(
            f"Dropping the {kind} {context.spelled(view)} breaks code that still reads it"
            + (", and its rows must be computed again." if kind != "view" else "."),
            instead(
                allowed(execute(context.statement.sql), RULE.name, "unused since <release>"),
                advice="First release code that does not read it. Then say so where you drop it:",
            ),
        )

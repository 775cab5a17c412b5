"""Renaming a table, or moving it to another schema, breaks the code that still uses the old name.

## What it does

`ALTER TABLE … RENAME TO` or `SET SCHEMA`, also of a view, is over in a moment.

## Why it hurts

Between the migration and the last old process, every statement with the old name fails; new code fails until the
migration has run.

## Instead

Rename the table and create a view with the old name in the same revision: simple views can be written through. Drop
the view when nothing uses it.

## When it is fine

When the same revision puts a view or another table in its place, which is not reported; and for a table that the same
revision created.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from postgast import pg_query_pb2 as pg

from sluicegate.findings import Level
from sluicegate.rules.kit.operations import rename_table
from sluicegate.rules.kit.remedy import execute, instead
from sluicegate.rules.kit.rule import Problem, Rule

if TYPE_CHECKING:
    from collections.abc import Iterator

    from sluicegate.rules.kit.context import Context

RULE = Rule(name="rename-table", level=Level.WARN)

SETUP = """
CREATE TABLE events (id bigint PRIMARY KEY, organization_id bigint, kind varchar(50), payload_text text NOT NULL);
"""

BAD = """
op.rename_table("events", "incidents")
"""

GOOD = """
op.rename_table("events", "incidents")
op.execute("CREATE VIEW events AS SELECT * FROM incidents")
"""


def check(context: Context) -> Iterator[Problem]:
    """Judge each table or view that loses its name for good."""
    renamed = context.renamed("OBJECT_TABLE", "OBJECT_VIEW", "OBJECT_MATVIEW", "OBJECT_FOREIGN_TABLE")
    if renamed is None or not context.in_use(renamed.table) or context.name_returns(renamed):
        return
    old, new = context.spelled(renamed.table), renamed.new
    plain = context.kind == "rename_stmt" and context.node.rename_type == pg.OBJECT_TABLE
    rename = rename_table(renamed.table, new) if plain else execute(context.statement.sql)
    yield Problem(
        f"Renaming {old} to {new} breaks running code: whatever still says {old} fails from this moment, and "
        "whatever says "
        f"{new} failed until now.",
        instead(rename, execute(f"CREATE VIEW {old} AS SELECT * FROM {new}")),
    )

"""The new index serves nothing that an index of the table does not serve already.

## What it does

`CREATE INDEX` over columns with which an existing index of the same kind begins.

## Why it hurts

Every write maintains both, both take space and time in VACUUM, and no query gains.

## Instead

Keep the wider one.

## When it is fine

When the narrow one is much smaller and read far more often, or when the old one is dropped afterwards.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from sluicegate.findings import Level
from sluicegate.rules.kit.indexes import covers
from sluicegate.rules.kit.remedy import advice
from sluicegate.rules.kit.rule import Problem, Rule

if TYPE_CHECKING:
    from collections.abc import Iterator

    from sluicegate.rules.kit.context import Context

RULE = Rule(name="redundant-index", level=Level.INFO)

SETUP = """
CREATE TABLE events (id bigint PRIMARY KEY, organization_id bigint, kind varchar(50), payload_text text NOT NULL);
CREATE INDEX ix_events_kind_organization_id ON events (kind, organization_id);
"""

BAD = """
with op.get_context().autocommit_block():
    op.create_index("ix_events_kind", "events", ["kind"], postgresql_concurrently=True)
"""

GOOD = """
with op.get_context().autocommit_block():
    op.create_index("ix_events_organization_id", "events", ["organization_id"], postgresql_concurrently=True)
"""


def check(context: Context) -> Iterator[Problem]:
    """Judge each index by those that are there already."""
    if context.kind != "index_stmt" or context.node.unique:
        return
    table = context.name_of(context.node.relation)
    if not context.in_use(table):
        return
    new = [index for index in context.after.indexes_of(table) if index.name not in context.before.indexes]
    for index in new:
        wider = next((old for old in context.before.indexes_of(table) if covers(old, index)), None)
        if wider is not None and wider.name in context.revision.after.indexes:
            yield Problem(
                f"{context.spelled(wider.name)} serves every query that {context.spelled(index.name)} would serve; "
                f"{context.described(table)} pays for both on each write.",
                advice(f"Leave {context.spelled(index.name)} out."),
            )

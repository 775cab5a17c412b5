"""REINDEX without CONCURRENTLY stops writes on the table, and reads that use the index.

## What it does

`REINDEX INDEX`, `TABLE` or `SCHEMA` builds indexes again.

## Why it hurts

It holds SHARE on the table and ACCESS EXCLUSIVE on the index until the build ends: every INSERT, UPDATE and DELETE
waits, and so does every query whose plan looks at the index.

## Instead

`REINDEX … CONCURRENTLY`, outside a transaction.

## When it is fine

On a table that the same revision creates, and on a small one.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from sluicegate.findings import Level
from sluicegate.rules.kit.operations import reindex_concurrently
from sluicegate.rules.kit.remedy import instead
from sluicegate.rules.kit.rule import Problem, Rule

if TYPE_CHECKING:
    from collections.abc import Iterator

    from sluicegate.rules.kit.context import Context

RULE = Rule(name="reindex-not-concurrent", level=Level.ERROR, explains_work=True)

SETUP = """
CREATE TABLE events (id bigint PRIMARY KEY, organization_id bigint, kind varchar(50), payload_text text NOT NULL);
CREATE INDEX ix_events_kind ON events (kind);
"""

BAD = """
op.execute("REINDEX INDEX ix_events_kind")
"""

GOOD = """
with op.get_context().autocommit_block():
    op.execute("REINDEX INDEX CONCURRENTLY ix_events_kind")
"""


def check(context: Context) -> Iterator[Problem]:
    """Judge each index that is built again while writers wait."""
    if context.kind != "reindex_stmt" or any(p.def_elem.defname == "concurrently" for p in context.node.params):
        return
    for table in context.indexed():
        yield Problem(
            f"REINDEX reads all of {context.described(table)} {context.waiting(table)}, and so does every query "
            "that would "
            "use the index, until it is built.",
            instead(reindex_concurrently(context.node)),
        )
        return

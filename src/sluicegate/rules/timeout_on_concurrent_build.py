"""A statement_timeout cuts a concurrent build short and leaves a broken index behind.

## What it does

CREATE INDEX CONCURRENTLY, REINDEX CONCURRENTLY or VALIDATE CONSTRAINT runs while a `statement_timeout` is in force.

## Why it hurts

A long build is cancelled at the limit. What it leaves is an invalid index: every write maintains it, no query uses
it, and the next try finds the name taken.

## Instead

`SET statement_timeout = 0` before the build, and RESET it afterwards.

## When it is fine

When the limit is far above the time that the build takes.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from sluicegate.findings import Level
from sluicegate.rules.kit.remedy import execute, instead, outside_transaction
from sluicegate.rules.kit.rule import Problem, Rule
from sluicegate.settings.keys import milliseconds

if TYPE_CHECKING:
    from collections.abc import Iterator

    from sluicegate.rules.kit.context import Context

RULE = Rule(name="timeout-on-concurrent-build", level=Level.WARN)

SETUP = """
CREATE TABLE events (id bigint PRIMARY KEY, organization_id bigint, kind varchar(50), payload_text text NOT NULL);
"""

BAD = """
with op.get_context().autocommit_block():
    op.execute("SET statement_timeout = '30s'")
    op.create_index("ix_events_kind", "events", ["kind"], postgresql_concurrently=True)
"""

GOOD = """
with op.get_context().autocommit_block():
    op.execute("SET statement_timeout = 0")
    op.create_index("ix_events_kind", "events", ["kind"], postgresql_concurrently=True)
    op.execute("RESET statement_timeout")
"""


def check(context: Context) -> Iterator[Problem]:
    """Judge each concurrent build under a time limit."""
    builds = context.kind == "index_stmt" and context.node.concurrent
    rebuilds = context.kind == "reindex_stmt" and any(
        param.def_elem.defname == "concurrently" for param in context.node.params
    )
    limit = context.setting("statement_timeout")
    if not (builds or rebuilds) or limit is None or not milliseconds(limit) or context.in_transaction:
        return
    table = context.name_of(context.node.relation)
    if builds and not context.in_use_and_large(table):
        return
    what = f"The build on {context.described(table)}" if builds else "The build"
    yield Problem(
        f"{what} is cancelled after {limit}, the statement_timeout in force, and then leaves an invalid index behind.",
        instead(
            outside_transaction(
                execute("SET statement_timeout = 0"),
                execute(context.statement.sql),
                execute("RESET statement_timeout"),
            )
        ),
    )

"""A statement that PostgreSQL refuses inside a transaction stands inside one.

## What it does

CREATE or DROP INDEX CONCURRENTLY, REINDEX CONCURRENTLY, DETACH PARTITION CONCURRENTLY, VACUUM and a few others run
their own transactions. Alembic runs a revision inside one, so `postgresql_concurrently=True` alone is not enough.

## Why it hurts

The server stops the deploy with "cannot run inside a transaction block". With one transaction for all pending
revisions, all of them are rolled back.

## Instead

Put the statement into `with op.get_context().autocommit_block():`. The block commits what came before it, so keep it
in a revision of its own, or make every step before it safe to run again.

## When it is fine

Never.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from sluicegate.findings import Level
from sluicegate.rules.kit.remedy import execute, instead, outside_transaction
from sluicegate.rules.kit.rule import Problem, Rule

if TYPE_CHECKING:
    from collections.abc import Iterator

    from sluicegate.rules.kit.context import Context

RULE = Rule(name="concurrent-in-transaction", level=Level.ERROR, rejected=True, same_schema=True)

SETUP = """
CREATE TABLE events (id bigint PRIMARY KEY, organization_id bigint, kind varchar(50), payload_text text NOT NULL);
"""

BAD = """
op.create_index("ix_events_kind", "events", ["kind"], postgresql_concurrently=True)
"""

GOOD = """
with op.get_context().autocommit_block():
    op.create_index("ix_events_kind", "events", ["kind"], postgresql_concurrently=True)
"""


def check(context: Context) -> Iterator[Problem]:
    """Judge each statement that the server refuses in a transaction block."""
    if not context.refused_in_transaction:
        return
    command = context.effects.error.message.partition(" cannot run")[0] if context.effects.error else "This statement"
    where = "between BEGIN and COMMIT" if context.revision.is_sql_file else "inside the transaction that Alembic opens"
    yield Problem(
        f"PostgreSQL refuses {command} {where}: the deploy stops here and the transaction is rolled back.",
        instead(outside_transaction(execute(context.statement.sql))),
    )

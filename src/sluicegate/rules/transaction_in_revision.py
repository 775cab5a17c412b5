"""A COMMIT, ROLLBACK or BEGIN inside a revision takes the transaction away from Alembic.

## What it does

The revision sends transaction control as SQL: `op.execute("COMMIT")` before a concurrent index is the usual case.

## Why it hurts

Alembic does not know of it: what came before is committed without its version, a failure leaves half a revision, and
a second run meets what is already there. With psycopg 3 the connection opens a new transaction before the next
statement, so CONCURRENTLY is refused all the same.

## Instead

`with op.get_context().autocommit_block():` around the statements that need it.

## When it is fine

In an SQL file, which is not reported.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from postgast import pg_query_pb2 as pg

from sluicegate.findings import Level
from sluicegate.rules.kit.remedy import Code, instead
from sluicegate.rules.kit.rule import Problem, Rule

if TYPE_CHECKING:
    from collections.abc import Iterator

    from sluicegate.rules.kit.context import Context

RULE = Rule(name="transaction-in-revision", level=Level.WARN)

SETUP = """
CREATE TABLE events (id bigint PRIMARY KEY, organization_id bigint, kind varchar(50), payload_text text NOT NULL);
"""

BAD = """
op.add_column("events", sa.Column("language", sa.Text()))
op.execute("COMMIT")
"""

GOOD = """
op.add_column("events", sa.Column("language", sa.Text()))
with op.get_context().autocommit_block():
    op.create_index("ix_events_language", "events", ["language"], postgresql_concurrently=True)
"""


def check(context: Context) -> Iterator[Problem]:
    """Judge transaction control inside a revision."""
    if context.kind != "transaction_stmt" or context.revision.is_sql_file:
        return
    kinds = (pg.TRANS_STMT_BEGIN, pg.TRANS_STMT_START, pg.TRANS_STMT_COMMIT, pg.TRANS_STMT_ROLLBACK)
    if context.node.kind in kinds:
        word = context.statement.sql.split()[0].upper()
        code = "with op.get_context().autocommit_block():\n    ..."
        yield Problem(
            f"{word} takes the transaction away from Alembic: what came before is committed without its version, "
            "and a failure "
            "afterwards leaves half a revision."
            if word != "ROLLBACK"
            else "ROLLBACK takes the transaction away from Alembic: what came before is undone and the version "
            "still moves on.",
            instead(Code(code, code)),
        )

"""A statement waits for a strong lock without a limit, and everybody queues behind it.

## What it does

The statement takes a lock that readers or writers of a table in use wait for, and no `lock_timeout` is in force.

## Why it hurts

Behind one long query, a statement that would take a millisecond waits for minutes. While it waits, its lock request
stands in the queue, and every later query on the table, SELECT included, waits behind it. That is an outage without
any work being done.

## Instead

Set a short `lock_timeout` and try again when it strikes. `SET LOCAL` lasts until the next commit, so after an
autocommit block it must be set again. Where env.py, the connection or the role sets it, say so in the policy:
`[session] lock_timeout = "3s"`.

## When it is fine

When nobody else uses the database during the deploy.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from sluicegate.findings import Level
from sluicegate.rules.kit.remedy import execute, instead
from sluicegate.rules.kit.rule import Problem, Rule
from sluicegate.rules.kit.words import lock_words, who_waits
from sluicegate.settings.keys import milliseconds

if TYPE_CHECKING:
    from collections.abc import Iterator

    from sluicegate.rules.kit.context import Context

RULE = Rule(name="lock-timeout-missing", level=Level.WARN)

POLICY = """
[session]
"""

SETUP = """
CREATE TABLE events (id bigint PRIMARY KEY, organization_id bigint, kind varchar(50), payload_text text NOT NULL);
"""

BAD = """
op.add_column("events", sa.Column("language", sa.Text()))
"""

GOOD = """
op.execute("SET LOCAL lock_timeout = '2s'")
op.add_column("events", sa.Column("language", sa.Text()))
"""


def check(context: Context) -> Iterator[Problem]:
    """Judge the first statement of a revision that others would queue behind."""
    if context.revision.first(_unprotected) is not context:
        return
    table, mode = context.blocked()[0]
    limit = context.setting("lock_timeout") if context.lock_timeout is not None else None
    lack = f"The lock_timeout of {limit} is too long to protect" if limit else "No lock_timeout is in force"
    yield Problem(
        f"{lack}: while this statement waits for {lock_words(mode)} on {context.described(table)} behind one long "
        "query, "
        f"{who_waits(mode, context.spelled(table))} behind it.",
        instead(execute("SET LOCAL lock_timeout = '2s'" if context.in_transaction else "SET lock_timeout = '2s'")),
    )


def _unprotected(context: Context) -> bool:
    longest = milliseconds(context.policy.longest_lock_timeout)
    timeout = context.lock_timeout
    return bool(context.blocked()) and (timeout is None or (longest is not None and timeout > longest))

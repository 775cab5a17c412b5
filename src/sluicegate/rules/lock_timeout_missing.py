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
    """Judge each statement that others would queue behind."""
    longest = milliseconds(context.policy.longest_lock_timeout)
    timeout = context.lock_timeout
    if timeout is not None and longest is not None and timeout <= longest:
        return
    for table, _ in context.blocked()[:1]:
        limit = (
            "and no lock_timeout is in force"
            if timeout is None
            else f"with a lock_timeout of {context.setting('lock_timeout')}, which is too long to protect"
        )
        yield Problem(
            f"The statement needs a lock on {context.described(table)} {context.waiting(table)}, {limit}: behind "
            "one long "
            "query it waits, and everybody queues behind it.",
            instead(execute("SET LOCAL lock_timeout = '2s'" if context.in_transaction else "SET lock_timeout = '2s'")),
        )

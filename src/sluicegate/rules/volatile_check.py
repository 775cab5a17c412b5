"""A CHECK whose answer changes with time or session stops being true of rows that passed it.

## What it does

A CHECK calls a function that is not immutable, such as `now()` or `current_setting()`.

## Why it hurts

PostgreSQL tests a row when it is written and believes the CHECK from then on. A restored dump tests each row again
and may refuse it; a later VALIDATE may fail on rows that were fine yesterday.

## Instead

Compare columns with columns, such as `ends_at > starts_at`, and test the moment of writing in a trigger.

## When it is fine

When the answer cannot change for a row that passed, such as `created_at <= now()`.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from sluicegate.findings import Level
from sluicegate.rules.kit.moving import moving_parts
from sluicegate.rules.kit.remedy import advice
from sluicegate.rules.kit.rule import Problem, Rule
from sluicegate.rules.kit.spelling import identifier, listed

if TYPE_CHECKING:
    from collections.abc import Iterator

    from sluicegate.rules.kit.context import Context

RULE = Rule(name="volatile-check", level=Level.INFO)

SETUP = """
CREATE TABLE events (id bigint PRIMARY KEY, starts_at timestamptz, ends_at timestamptz);
"""

BAD = """
op.create_check_constraint("events_in_future", "events", "starts_at > now()", postgresql_not_valid=True)
"""

GOOD = """
op.create_check_constraint("events_in_order", "events", "ends_at > starts_at", postgresql_not_valid=True)
"""


def check(context: Context) -> Iterator[Problem]:
    """Judge each CHECK by the functions in it."""
    for command, constraint in context.added_constraints("CONSTR_CHECK"):
        called = moving_parts(constraint.raw_expr)
        if called:
            name = f" {identifier(constraint.conname)}" if constraint.conname else ""
            yield Problem(
                f"The check{name} on {context.spelled(command.table)} depends on {listed(called)}: a row that "
                "passes today may "
                "fail when a dump is restored or the check is validated again.",
                advice("Compare columns with columns, and test the moment of writing in a trigger."),
            )

"""A disabled trigger lets rows in that it was there to check or to follow.

## What it does

`DISABLE TRIGGER`, with ALL also the triggers behind foreign keys.

## Why it hurts

It holds SHARE ROW EXCLUSIVE, so writes wait. While it is off, rows arrive that nothing has checked, and enabling it
again checks none of them: foreign keys then promise what is not true.

## Instead

Keep the trigger on and let it return early under a setting: `IF current_setting('app.backfill', true) = 'on'`.

## When it is fine

When the same transaction enables it again, so that no other session can write in between; that is not reported.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from sluicegate.findings import Level
from sluicegate.rules.kit.remedy import advice
from sluicegate.rules.kit.rule import Problem, Rule
from sluicegate.rules.kit.spelling import identifier

if TYPE_CHECKING:
    from collections.abc import Iterator

    from sluicegate.rules.kit.context import Context

RULE = Rule(name="trigger-disabled", level=Level.WARN)

SETUP = """
CREATE TABLE events (id bigint PRIMARY KEY, organization_id bigint, kind varchar(50), payload_text text NOT NULL);
CREATE FUNCTION events_check() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN RETURN NEW; END';
CREATE TRIGGER events_check BEFORE INSERT ON events FOR EACH ROW EXECUTE FUNCTION events_check();
"""

BAD = """
op.execute("ALTER TABLE events DISABLE TRIGGER events_check")
"""

GOOD = """
op.execute("ALTER TABLE events DISABLE TRIGGER events_check")
op.execute("ALTER TABLE events ENABLE TRIGGER events_check")
"""


def check(context: Context) -> Iterator[Problem]:
    """Judge each trigger that stays off after the transaction."""
    for command in context.actions("AT_DisableTrig", "AT_DisableTrigAll", "AT_DisableTrigUser"):
        enabled = any(
            other.kind.startswith("AT_Enable") and other.table == command.table
            for later in context.later()
            if context.same_transaction(later)
            for other in later.commands
        )
        if enabled:
            continue
        what = f"the trigger {identifier(command.name)}" if command.name else "the triggers"
        yield Problem(
            f"While {what} of {context.described(command.table)} is off, rows arrive that nothing has checked, "
            "and enabling it "
            "again checks none of them.",
            advice("Enable it again in the same transaction, or let the trigger return early under a setting."),
        )

"""Row security without a policy hides every row from everybody but the owner.

## What it does

`ENABLE ROW LEVEL SECURITY` on a table that has no policy when the revision ends.

## Why it hurts

Without a policy nothing is allowed: applications that are not the table's owner see an empty table at once, and their
writes are refused.

## Instead

Create the policies in the same revision, before row security is enabled.

## When it is fine

When the point is to lock the table away.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from sluicegate.findings import Level
from sluicegate.rules.kit.remedy import advice
from sluicegate.rules.kit.rule import Problem, Rule

if TYPE_CHECKING:
    from collections.abc import Iterator

    from sluicegate.rules.kit.context import Context

RULE = Rule(name="row-security-without-policy", level=Level.WARN)

SETUP = """
CREATE TABLE events (id bigint PRIMARY KEY, organization_id bigint, kind varchar(50), payload_text text NOT NULL);
"""

BAD = """
op.execute("ALTER TABLE events ENABLE ROW LEVEL SECURITY")
"""

GOOD = """
op.execute("CREATE POLICY events_of_tenant ON events USING (organization_id = "
           "current_setting('app.organization')::bigint)")
op.execute("ALTER TABLE events ENABLE ROW LEVEL SECURITY")
"""


def check(context: Context) -> Iterator[Problem]:
    """Judge each table that nobody may read any more."""
    for command in context.actions("AT_EnableRowSecurity"):
        after = context.revision.after
        end = after.relations.get(command.table) or after.mentioned.get(command.table)
        if end is None or not end.policies:
            table = context.spelled(command.table)
            yield Problem(
                f"{table} has row security and no policy when this revision ends: everybody but its owner sees it "
                "empty.",
                advice(f"Create the policies first: CREATE POLICY … ON {table} … USING (…)."),
            )

"""The revision cannot be taken back.

## What it does

It has no `downgrade()`, or one that does nothing, and its `upgrade()` changes the schema.

## Why it hurts

When the release is rolled back, `alembic downgrade` counts the revision as gone and leaves its changes: the next
upgrade meets what is there already.

## Instead

Undo in `downgrade()` what `upgrade()` did. Where that is impossible, raise an error that says so.

## When it is fine

Where the team never downgrades and repairs forward.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from sluicegate.findings import Level
from sluicegate.rules.kit.downgrades import lacks_downgrade
from sluicegate.rules.kit.remedy import advice
from sluicegate.rules.kit.rule import Problem, Rule, Subject

if TYPE_CHECKING:
    from collections.abc import Iterator

    from sluicegate.rules.kit.revision import RevisionContext

RULE = Rule(name="missing-downgrade", level=Level.INFO, subject=Subject.REVISION)

SETUP = """
CREATE TABLE events (id bigint PRIMARY KEY, organization_id bigint, kind varchar(50), payload_text text NOT NULL);
"""

BAD = """
op.add_column("events", sa.Column("language", sa.Text()))
"""

GOOD = """
op.execute("ANALYZE events")
"""


def check(revision: RevisionContext) -> Iterator[Problem]:
    """Judge a revision by its way back."""
    if revision.is_sql_file or not revision.steps or revision.before == revision.after:
        return
    if lacks_downgrade(revision.captured.source):
        yield Problem(
            "The revision changes the schema, and its downgrade() does nothing: rolled back, it leaves its "
            "changes behind.",
            advice("Undo them in downgrade(), or raise an error there that says why that is impossible."),
            location=revision.first_line,
        )

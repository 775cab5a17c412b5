"""A failure after the autocommit block leaves half a revision, and running it again meets its own traces.

## What it does

The revision has an autocommit block, and outside or inside it a statement that fails when it is run a second time.
The block commits what came before; the version moves on only at the end.

## Why it hurts

If a later statement fails, the database keeps what is committed while Alembic still counts the revision as not
applied. The next try stops at the first thing that exists already.

## Instead

Keep concurrent work in a revision of its own, or make each step repeatable: IF NOT EXISTS, IF EXISTS, DROP INDEX
CONCURRENTLY IF EXISTS before a build.

## When it is fine

When a person watches the deploy and knows how to go on from the middle.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from sluicegate.findings import Level
from sluicegate.rules.kit.remedy import advice
from sluicegate.rules.kit.rule import Problem, Rule

if TYPE_CHECKING:
    from collections.abc import Iterator

    from sluicegate.rules.kit.context import Context

RULE = Rule(name="autocommit-half-done", level=Level.INFO)

SETUP = """
CREATE TABLE events (id bigint PRIMARY KEY, organization_id bigint, kind varchar(50), payload_text text NOT NULL);
"""

BAD = """
op.add_column("events", sa.Column("language", sa.Text()))
with op.get_context().autocommit_block():
    op.create_index("ix_events_language", "events", ["language"], postgresql_concurrently=True)
"""

GOOD = """
with op.get_context().autocommit_block():
    op.create_index("ix_events_kind", "events", ["kind"], postgresql_concurrently=True)
"""


def check(context: Context) -> Iterator[Problem]:
    """Judge each statement that cannot run again although it commits before the revision is done."""
    if context.revision.is_sql_file:
        return  # what runs the file decides what commits together
    contexts = context.revision.contexts
    if context.repeatable or not any(other.step.captured.autocommit for other in contexts):
        return
    fragile = [other for other in contexts if not other.repeatable]
    last = contexts[-1]
    if fragile[0] is not context or context is last or not context.commits_before(last):
        return
    yield Problem(
        "This commits before the revision is done: if a later statement fails, running the revision again stops here.",
        advice("Make it repeatable with IF [NOT] EXISTS, or give the concurrent work a revision of its own."),
    )

"""A comment names a file that does not exist.

## What it does

A comment or docstring of the revision names a path such as `scripts/backfill_events.py`, and the project has no such
file.

## Why it hurts

Whoever is told at three in the morning to run that script will not find it. A path that was never right is a step of
the plan that was never written.

## Instead

Correct the path, or add the file in the same change.

## When it is fine

When the path is in another repository; then write it as a link.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from sluicegate.findings import Level
from sluicegate.rules.kit.remedy import advice
from sluicegate.rules.kit.rule import Problem, Rule, Subject

if TYPE_CHECKING:
    from collections.abc import Iterator

    from sluicegate.rules.kit.revision import RevisionContext

RULE = Rule(name="comment-names-missing-path", level=Level.ERROR, subject=Subject.REVISION)

SETUP = """
CREATE TABLE events (id bigint PRIMARY KEY, organization_id bigint, kind varchar(50), payload_text text NOT NULL);
"""

BAD = """
# Fill it afterwards with scripts/backfill_event_language.sh
op.add_column("events", sa.Column("language", sa.Text()))
"""

GOOD = """
# Fill it afterwards with the backfill of this revision.
op.add_column("events", sa.Column("language", sa.Text()))
"""


def check(revision: RevisionContext) -> Iterator[Problem]:
    """Judge each path that a comment or docstring names."""
    for mention in revision.mentioned_paths():
        if not revision.project.holds(mention.path):
            yield Problem(
                f"The comment names {mention.path}, and the project has no such file.",
                advice("Correct the path, or add the file in the same change."),
                location=mention.location,
            )

"""The revision could not be read, so nothing is known about it.

## What it does

Importing the revision or running its `upgrade()` against a recording connection ended with an error: a syntax error,
an exception, a query whose answer it cannot do without.

## Why it hurts

Whatever the revision does is unknown. `sluicegate lint` leaves with exit code 3, whatever else it found, so that
nobody takes the silence for a pass.

## Instead

Make the revision independent of application code and of rows: literal tables and columns, no models, no settings. Or
try it on a clone with `sluicegate dry-run`.

## When it is fine

Never.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from sluicegate.capture.model import CaptureMode
from sluicegate.findings import Level
from sluicegate.rules.kit.remedy import advice
from sluicegate.rules.kit.rule import Problem, Rule, Subject

if TYPE_CHECKING:
    from collections.abc import Iterator

    from sluicegate.rules.kit.revision import RevisionContext

RULE = Rule(name="unreadable-revision", level=Level.ERROR, subject=Subject.REVISION, rejected=True)

SETUP = """
CREATE TABLE events (id bigint PRIMARY KEY, organization_id bigint, kind varchar(50), payload_text text NOT NULL);
"""

BAD = """
raise RuntimeError("this revision was withdrawn")
"""

GOOD = """
op.add_column("events", sa.Column("language", sa.Text()))
"""


def check(revision: RevisionContext) -> Iterator[Problem]:
    """Judge a revision of which nothing is known."""
    if revision.captured.mode is not CaptureMode.UNREADABLE or revision.is_sql_file:
        return
    for reason, location in revision.reasons():
        yield Problem(
            f"The revision could not be read: {reason.rstrip('.')}.",
            advice("Try it on a clone of production's schema with: sluicegate dry-run"),
            location=location,
        )

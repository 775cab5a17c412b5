"""PostgreSQL's grammar does not accept this SQL, so nothing is known about it.

## What it does

The statement is no SQL that PostgreSQL 18 could parse.

## Why it hurts

The server will refuse it as well; and nothing after it can be judged with certainty. `sluicegate lint` leaves with
exit code 3.

## Instead

Correct the SQL at the place that the message names.

## When it is fine

Never.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from sluicegate.findings import Level
from sluicegate.rules.kit.rule import Problem, Rule, Subject

if TYPE_CHECKING:
    from collections.abc import Iterator

    from sluicegate.rules.kit.revision import RevisionContext

RULE = Rule(name="unreadable-sql", level=Level.ERROR, subject=Subject.REVISION, rejected=True)

SETUP = """
CREATE TABLE events (id bigint PRIMARY KEY, organization_id bigint, kind varchar(50), payload_text text NOT NULL);
"""

BAD = """
op.execute("ALTER TABLE events ADD COLUM language text")
"""

GOOD = """
op.execute("ALTER TABLE events ADD COLUMN language text")
"""


def check(revision: RevisionContext) -> Iterator[Problem]:
    """Judge each statement that does not parse, and each piece of an SQL file that is none."""
    for step in revision.steps:
        if step.statement is None:
            yield Problem(
                f"PostgreSQL's grammar does not accept this SQL: {step.parse_error}.", location=step.captured.location
            )
    if revision.is_sql_file:
        yield from (
            Problem(f"This could not be read: {reason.rstrip('.')}.", location=place)
            for reason, place in revision.reasons()
        )

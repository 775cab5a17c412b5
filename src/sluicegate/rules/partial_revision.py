"""A part of the revision depends on rows that a linter does not have.

## What it does

The revision asked the database for something and went on from the answer, or tried something that reading a revision
must not do. What it does in production may be more than what was judged.

## Why it hurts

The judged statements are right, but they may not be all. On production's rows a loop runs that here ran over nothing.

## Instead

Try the revision with `sluicegate dry-run`, which gives it a real server. Better: move the data step into a backfill,
and keep revisions free of queries.

## When it is fine

When the query only decides whether a step is skipped because it was done before.
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

RULE = Rule(name="partial-revision", level=Level.WARN, subject=Subject.REVISION)

SETUP = """
CREATE TABLE events (id bigint PRIMARY KEY, organization_id bigint, kind varchar(50), payload_text text NOT NULL);
"""

BAD = """
for row in op.get_bind().execute(sa.text("SELECT DISTINCT kind FROM events")):
    op.execute(f"COMMENT ON TABLE events IS '{row.kind}'")
"""

GOOD = """
op.execute("COMMENT ON TABLE events IS 'What happened'")
"""


def check(revision: RevisionContext) -> Iterator[Problem]:
    """Judge a revision of which only a part is known."""
    if revision.captured.mode is not CaptureMode.PARTIAL or revision.is_sql_file:
        return
    for reason, location in revision.reasons():
        yield Problem(
            f"The revision was read in part: {reason.rstrip('.')}.",
            advice("Try it on a clone of production's schema with: sluicegate dry-run"),
            location=location,
        )

"""A comment that should allow a finding cannot be understood, so it allows nothing.

## What it does

A comment begins with `sluicegate:` but has another form than `# sluicegate: allow[rule] reason`: the reason is
missing, the brackets are, or no rule has that name.

## Why it hurts

The author believes that the finding is dealt with, and a slip in a name would otherwise pass unseen for ever.

## Instead

`# sluicegate: allow[drop-column] unused since release 41`. Several rules are separated by commas. In SQL the comment
begins with `--`.

## When it is fine

Never.
"""

from __future__ import annotations

from difflib import get_close_matches
from typing import TYPE_CHECKING

from sluicegate.findings import Level
from sluicegate.rules.kit.rule import Problem, Rule, Subject
from sluicegate.rules.kit.spelling import listed

if TYPE_CHECKING:
    from collections.abc import Iterator

    from sluicegate.rules.kit.suppressed import SuppressionContext

RULE = Rule(name="malformed-suppression", level=Level.ERROR, subject=Subject.SUPPRESSION)

SETUP = """
CREATE TABLE events (id bigint PRIMARY KEY, organization_id bigint, kind varchar(50), payload_text text NOT NULL);
"""

BAD = """
op.execute("ANALYZE events")  # sluicegate: allow[drop-colum] unused since release 41
"""

GOOD = """
op.drop_column("events", "kind")  # sluicegate: allow[drop-column] unused since release 41
"""


def check(comment: SuppressionContext) -> Iterator[Problem]:
    """Judge the form of a comment."""
    unknown = [rule for rule in comment.rules if rule not in comment.known]
    if not comment.rules:
        yield Problem("This comment allows nothing: its form is allow[rule] reason.")
    elif unknown:
        close = get_close_matches(unknown[0], sorted(comment.known), n=1)
        meant = f"; did you mean {close[0]}?" if close else ": `sluicegate rules` lists them."
        yield Problem(f"There is no rule {listed(unknown)}{meant}")
    elif not comment.reason:
        yield Problem(f"This comment allows nothing until it says why {listed(comment.rules)} may pass.")

"""A comment allows a finding that is not there.

## What it does

`# sluicegate: allow[rule] …` stands on a statement for which that rule has nothing to say.

## Why it hurts

Left behind, it would allow the next change on these lines without a review.

## Instead

Take the comment away.

## When it is fine

Never; rules that the policy turns off do not count as unused.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from sluicegate.findings import Level
from sluicegate.rules.kit.rule import Problem, Rule, Subject
from sluicegate.rules.kit.spelling import listed

if TYPE_CHECKING:
    from collections.abc import Iterator

    from sluicegate.rules.kit.suppressed import SuppressionContext

RULE = Rule(name="unused-suppression", level=Level.WARN, subject=Subject.SUPPRESSION)

SETUP = """
CREATE TABLE events (id bigint PRIMARY KEY, organization_id bigint, kind varchar(50), payload_text text NOT NULL);
"""

BAD = """
op.execute("ANALYZE events")  # sluicegate: allow[drop-column] unused since release 41
"""

GOOD = """
op.drop_column("events", "kind")  # sluicegate: allow[drop-column] unused since release 41
"""


def check(comment: SuppressionContext) -> Iterator[Problem]:
    """Judge whether a comment had something to allow."""
    unused = [rule for rule in comment.unused if rule in comment.known]
    if unused and comment.reason:
        yield Problem(f"There is no finding of {listed(unused)} here to allow; take it out of the comment.")

"""A waiver has expired, and what it waived is still there.

## What it does

The date of an entry in safety/waivers.toml has passed. Its finding counts again.

## Why it hurts

Somebody promised to look at it by that day, and the reason for the waiver may no longer hold.

## Instead

The owner corrects the revision, or gives the waiver a new date and says why.

## When it is fine

Never; a waiver whose finding is gone can simply be removed.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from sluicegate.findings import Level
from sluicegate.rules.kit.rule import Problem, Rule, Subject

if TYPE_CHECKING:
    from collections.abc import Iterator

    from sluicegate.rules.kit.waived import WaiverContext

RULE = Rule(name="expired-waiver", level=Level.ERROR, subject=Subject.WAIVER)

BAD = """
[[waiver]]
rule = "drop-column"
revision = "0007"
owner = "ada@example.org"
reason = "nothing has read events.kind since release 41"
expires = 2020-01-31
"""

GOOD = """
[[waiver]]
rule = "drop-column"
revision = "0007"
owner = "ada@example.org"
reason = "nothing has read events.kind since release 41"
expires = 2999-01-31
"""


def check(waiver: WaiverContext) -> Iterator[Problem]:
    """Judge whether a waiver that is needed has run out."""
    if waiver.used and waiver.today > waiver.expires:
        yield Problem(
            f"The waiver of {waiver.rule} for {waiver.subject} expired on {waiver.expires:%Y-%m-%d}. "
            f"{waiver.owner} answers for it: correct the finding, or give the waiver a new date."
        )

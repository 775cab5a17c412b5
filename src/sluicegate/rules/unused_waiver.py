"""A waiver has nothing to waive.

## What it does

An entry in safety/waivers.toml names a rule and a revision or file in which that rule finds nothing.

## Why it hurts

Left behind, it would waive the next change of that file without a review.

## Instead

Take the entry out.

## When it is fine

Never.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from sluicegate.findings import Level
from sluicegate.rules.kit.rule import Problem, Rule, Subject

if TYPE_CHECKING:
    from collections.abc import Iterator

    from sluicegate.rules.kit.waived import WaiverContext

RULE = Rule(name="unused-waiver", level=Level.WARN, subject=Subject.WAIVER)

BAD = """
[[waiver]]
rule = "drop-table"
revision = "0007"
owner = "ada@example.org"
reason = "the table has been empty since release 41"
expires = 2999-01-31
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
    """Judge whether a waiver had something to waive."""
    if not waiver.used:
        yield Problem(
            f"The waiver of {waiver.rule} for {waiver.subject} has nothing to waive; take it out. Its owner is "
            f"{waiver.owner}."
        )

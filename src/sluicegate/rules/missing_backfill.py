"""The revision relies on a backfill that does not exist.

## What it does

It waits for a backfill with `op.require_backfill("…")`, and no file in `backfills/` has that number.

## Why it hurts

A gate on a backfill that does not exist never opens: the deploy stops there.

## Instead

Write the backfill in `backfills/` with the number of the expand revision that it serves, or correct the number.

## When it is fine

Never.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from sluicegate.findings import Level
from sluicegate.rules.kit.remedy import advice
from sluicegate.rules.kit.rule import Problem, Rule, Subject
from sluicegate.rules.kit.spelling import listed

if TYPE_CHECKING:
    from collections.abc import Iterator

    from sluicegate.rules.kit.revision import RevisionContext

RULE = Rule(name="missing-backfill", level=Level.ERROR, subject=Subject.REVISION)

SETUP = """
CREATE TABLE events (id bigint PRIMARY KEY, organization_id bigint, kind varchar(50), payload_text text NOT NULL);
CREATE SCHEMA sluicegate;
CREATE FUNCTION sluicegate.require_backfill(text) RETURNS void LANGUAGE plpgsql AS 'BEGIN END';
"""

BAD = """
op.execute("SELECT sluicegate.require_backfill('0042')")
"""

GOOD = """
op.add_column("events", sa.Column("language", sa.Text()))
"""


def check(revision: RevisionContext) -> Iterator[Problem]:
    """Judge each backfill that the revision asks for."""
    known = revision.project.backfills()
    for gate in revision.gates():
        if gate.backfill not in known:
            there = f"there are {listed(sorted(known))}" if known else "there is none at all"
            yield Problem(
                f"The revision waits for backfill {gate.backfill}, which backfills/ does not have ({there}): its "
                "gate never "
                "opens and the deploy stops.",
                advice(f"Write backfills/{gate.backfill}_….py, or correct the number."),
                location=gate.location,
            )

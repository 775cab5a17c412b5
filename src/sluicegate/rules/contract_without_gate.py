"""A contract revision relies on a backfill and does not wait for its proof.

## What it does

The revision's file is named `…_contract_…`, a backfill serves one of the expand revisions before it, and nothing in
it calls `op.require_backfill(…)` for that backfill.

## Why it hurts

Run before the backfill is verified, it makes NOT NULL what is NULL, or drops the column from which rows were still to
be copied.

## Instead

`op.require_backfill("…")` as the first line of the contract revision: it refuses to go on until the proof is there.

## When it is fine

When a later revision gates on the backfill and this one has nothing to do with it.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from sluicegate.findings import Level
from sluicegate.rules.kit.remedy import Code, instead
from sluicegate.rules.kit.rule import Problem, Rule, Subject

if TYPE_CHECKING:
    from collections.abc import Iterator

    from sluicegate.rules.kit.revision import RevisionContext

RULE = Rule(name="contract-without-gate", level=Level.ERROR, subject=Subject.REVISION)

SETUP = """
CREATE TABLE events (id bigint PRIMARY KEY, organization_id bigint, kind varchar(50), payload_text text NOT NULL);
"""

BAD = """
op.execute("ANALYZE events")
"""

GOOD = """
op.execute("ANALYZE events")
"""


def check(revision: RevisionContext) -> Iterator[Problem]:
    """Judge a contract revision by the backfills since the contract before it."""
    if not revision.is_contract:
        return
    backfills = revision.project.backfills()
    gated = {gate.backfill for gate in revision.gates()}
    for served in revision.expanded:
        if served in backfills and served not in gated:
            yield Problem(
                f"Backfill {served} ({backfills[served]}) must be verified before this contract revision, and "
                "nothing here "
                "waits for that.",
                instead(Code(f'op.require_backfill("{served}")', f"SELECT sluicegate.require_backfill('{served}');")),
                location=revision.first_line,
            )

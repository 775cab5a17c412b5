"""Hold a label against what servers did: a refusal must show its harm, and what passes must show none."""

from __future__ import annotations

from typing import Any

from .case import Case, Verdict

WRITES_WAIT = ("ShareLock", "ShareRowExclusiveLock", "ExclusiveLock", "AccessExclusiveLock")
NO_EVIDENCE = ("policy", "documented")


def harms(record: dict[str, Any]) -> set[str]:
    """Name everything in one statement's record that a reviewer would stop, in the words of ``shows:``."""
    found: set[str] = set()
    if "error" in record:
        found.add(f"reject {record['error'].split(':')[0]}")
    blocked = {name for name, mode in record.get("locks", {}).items() if mode in WRITES_WAIT}
    for table in record.get("rewrites", []):
        found.add(f"rewrite {table}")
    for kind in ("scan", "build"):
        for table in record.get(f"{kind}s", []):
            if table in blocked:
                found.add(f"{kind} {table}")
            found |= {f"hold {name}" for name in blocked - {table}}
    found |= {f"lost {name}" for name in record.get("lost", [])}
    found |= {f"emptied {name}" for name in record.get("emptied", [])}
    for table, (inserted, updated, deleted) in record.get("changed", {}).items():
        if updated or deleted:
            found.add(f"rows {table}")
        if inserted:
            found.add(f"insert {table}")
    found |= {f"invalid {name}" for name in record.get("invalid", [])}
    return found


def covers(at: list[int], case: Case) -> bool:
    """Tell whether a record's file and lines hold the case's line."""
    return at[0] == case.at_file and at[1] <= (case.at_line or 0) <= at[2]


TOLERABLE = ("insert ",)
"""Words of ``harms`` that are a fact worth keeping but no reason to refuse by themselves."""


def contradictions(case: Case, version: int, records: list[dict[str, Any]]) -> list[str]:
    """Say in which way the label does not follow from what the server did."""
    if case.verdict in (Verdict.EITHER, Verdict.CANNOT_TELL):
        return []
    everything = {harm for record in records for harm in harms(record)}
    if case.verdict is Verdict.REFUSE:
        there = {harm for record in records if covers(record["at"], case) for harm in harms(record)}
        claims = [claim for claim in case.shows if not claim.startswith(NO_EVIDENCE)]
        seen = ", ".join(sorted(there)) or "nothing"
        wrong = [
            f"{claim!r} was not seen at line {case.at_line}, only {seen}" for claim in claims if claim not in there
        ]
        if not any(claim.startswith(("reject", "documented")) for claim in case.shows):
            wrong += [f"the server refused it: {record['error']}" for record in records if "error" in record]
        return [f"PostgreSQL {version}: {text}" for text in wrong]
    shown = {claim.split(" ", 1)[1] for claim in case.shows if claim.startswith("rewrite ")}
    part_of_it = {f"{kind} {table}" for table in shown for kind in ("scan", "build")}
    bad = {harm for harm in everything if not harm.startswith(TOLERABLE)} - set(case.shows) - part_of_it
    wrong = [f"PostgreSQL {version}: a {case.verdict} that shows {harm!r}" for harm in sorted(bad)]
    if not records and "nothing" not in case.shows:
        wrong.append(f"PostgreSQL {version}: no statement was seen")
    return wrong

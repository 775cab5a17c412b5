"""Give each finding a name that outlives edits around it, so that a baseline and a pipeline can know it again."""

from __future__ import annotations

import contextlib
import hashlib
from collections import Counter
from dataclasses import replace
from typing import TYPE_CHECKING

from sluicegate.errors import ParseError
from sluicegate.findings import Direction
from sluicegate.statements.nodes import deparse
from sluicegate.statements.parse import parse_script

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from sluicegate.findings import Finding
    from sluicegate.statements.parse import Statement

_LENGTH = 32  # hexadecimal digits: 128 bits


def with_fingerprints(findings: Iterable[Finding], sources: Mapping[str, str]) -> tuple[Finding, ...]:
    """Return the findings with their fingerprints, in the same order.

    A fingerprint is made of the rule, the revision's id and the statement in PostgreSQL's own spelling. Lines, columns,
    file names and the words of a message are left out. Where a revision has the same statement twice, the first
    and the second are told apart by their order.

    Args:
        findings: all findings of a report, in the order in which they are reported.
        sources: file → text, for findings that are about no statement.
    """
    seen: Counter[tuple[str, ...]] = Counter()
    found = []
    for finding in findings:
        subject: tuple[str, ...] = (finding.rule, finding.revision or "", _subject(finding, sources))
        if finding.direction is Direction.DOWNGRADE:
            subject = (*subject, finding.direction)
        seen[subject] += 1
        text = "\0".join([*subject, str(seen[subject])])
        found.append(replace(finding, fingerprint=hashlib.sha256(text.encode()).hexdigest()[:_LENGTH]))
    return tuple(found)


def _subject(finding: Finding, sources: Mapping[str, str]) -> str:
    if finding.sql:
        return _spelled(finding.sql)
    if finding.revision is not None:
        return ""  # the revision as a whole; its text may change without changing what is wrong with it
    lines = sources.get(finding.location.file, "").splitlines()
    return "".join("".join(lines[finding.location.line - 1 : finding.location.end_line]).split())


def _spelled(sql: str) -> str:
    """Return a statement without line breaks, comments and letter case; as it is where it cannot be read."""
    with contextlib.suppress(ParseError):
        sql = "; ".join(_own_words(statement) for statement in parse_script(sql))
    return " ".join(sql.split())


def _own_words(statement: Statement) -> str:
    spelled = deparse(statement.node)
    return statement.sql if spelled.startswith("(") else spelled  # a tree that has no text stands in brackets

"""Questions that the tests ask of captured revisions."""

from __future__ import annotations

from sluicegate.capture.model import CapturedRevision
from sluicegate.findings import Location


def source_at(revision: CapturedRevision, location: Location) -> str:
    """Return the source text that a location covers."""
    lines = revision.source.split("\n")
    covered = lines[location.line - 1 : location.end_line]
    covered[-1] = covered[-1][: location.end_column - 1]
    covered[0] = covered[0][location.column - 1 :]
    return "\n".join(covered)


def statements(revision: CapturedRevision) -> list[str]:
    """Return the SQL of a revision's statements, blanks and line ends folded."""
    return [" ".join(statement.sql.split()) for statement in revision.statements]

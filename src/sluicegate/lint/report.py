"""The outcome of a lint: what was read, what was found, and the exit code that follows."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from sluicegate.capture.model import CaptureMode
from sluicegate.errors import ExitCode
from sluicegate.findings import Direction, Level

if TYPE_CHECKING:
    from collections.abc import Mapping

    from sluicegate.findings import Finding
    from sluicegate.lint.baseline import Known
    from sluicegate.rules.kit.catalogue import Entry

_ORDER = (Level.ERROR, Level.WARN, Level.INFO)

UNJUDGED = frozenset({"could-not-judge", "partial-revision"})
"""The rules that say what could not be told."""


@dataclass(frozen=True, slots=True)
class JudgedRevision:
    """A revision (or SQL file) that was judged.

    Attributes:
        revision: its id; None for an SQL file.
        file: the file it was read from.
        capture: how far it could be read.
        statements: how many statements it has.
        reason: why it is partial or unreadable.
        unparsed: how many of its statements PostgreSQL's grammar does not accept.
        accepted: whether a waiver or the baseline accepts that it cannot be read.
        reviewed: whether it is what a merge adds, so that what cannot be told of it fails; not so in older ones.
    """

    revision: str | None
    file: str
    capture: CaptureMode
    statements: int
    reason: str | None = None
    unparsed: int = 0
    accepted: bool = False
    reviewed: bool = True

    @property
    def unread(self) -> bool:
        """Tell whether SQL or Python in it could not be read; asking for rows that are not there is another matter."""
        lost = self.capture is CaptureMode.PARTIAL and self.revision is None
        return (self.capture is CaptureMode.UNREADABLE or lost or self.unparsed > 0) and not self.accepted

    @property
    def trouble(self) -> str:
        """Why it was not read, or not all of it; empty when it was."""
        if self.reason or not self.unparsed:
            return self.reason or ""
        return f"{self.unparsed} statement{'s' if self.unparsed > 1 else ''} could not be parsed"


@dataclass(frozen=True, slots=True)
class Report:
    """What a lint says.

    Attributes:
        revisions: what was judged, in order.
        findings: sorted by file, line and level.
        sources: file → text, for the code frames.
        suppressed: how many findings comments in the code allow.
        waived: how many findings waivers accept.
        known: how many findings the baseline accepts.
        gone: what the baseline accepts and is no longer there.
        fail_on: the weakest level that fails.
        postgresql: the server version that was judged for.
        rules: the rules that were asked, by name, for formats that explain them.
        direction: whether ``upgrade()`` or ``downgrade()`` of the revisions was judged.
        notes: what a reader should know of how it was judged, such as that the snapshot is old.
    """

    revisions: tuple[JudgedRevision, ...]
    findings: tuple[Finding, ...]
    sources: Mapping[str, str] = field(default_factory=dict)
    suppressed: int = 0
    waived: int = 0
    known: int = 0
    gone: tuple[Known, ...] = ()
    fail_on: Level = Level.ERROR
    postgresql: int = 16
    rules: Mapping[str, Entry] = field(default_factory=dict)
    direction: Direction = Direction.UPGRADE
    notes: tuple[str, ...] = ()

    def count(self, level: Level) -> int:
        """Return how many findings have a level."""
        return sum(finding.level is level for finding in self.findings)

    @property
    def unread(self) -> tuple[JudgedRevision, ...]:
        """Return the revisions that could not be read, in whole or in part of their SQL."""
        return tuple(revision for revision in self.revisions if revision.unread)

    @property
    def unjudged(self) -> tuple[Finding, ...]:
        """Return what could not be told of revisions under review; a level of info says that somebody accepts it.

        A downgrade that was read in part (it may refuse to go back) is no change that anybody is about to make.
        """
        reviewed = {(revision.revision, revision.file) for revision in self.revisions if revision.reviewed}
        return tuple(
            finding
            for finding in self.findings
            if finding.rule in (UNJUDGED if finding.direction is Direction.UPGRADE else {"could-not-judge"})
            and finding.level is not Level.INFO
            and (finding.revision, finding.location.file) in reviewed
        )

    @property
    def exit_code(self) -> ExitCode:
        """Return 3 when something could not be judged (a caller who waives findings must still see it), else 1 or 0."""
        if self.unread or self.unjudged:
            return ExitCode.COULD_NOT_JUDGE
        return ExitCode.FINDINGS if any(map(self.fails, self.findings)) else ExitCode.CLEAN

    def fails(self, finding: Finding) -> bool:
        """Tell whether a finding is at the failing level."""
        return _ORDER.index(finding.level) <= _ORDER.index(self.fail_on)

"""Judge on production's schema what production does not have yet, and on the replayed history what it has."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from sluicegate.lint.fingerprint import with_fingerprints
from sluicegate.lint.selection import ancestors, heads
from sluicegate.snapshot.stored import find_snapshot

if TYPE_CHECKING:
    import datetime as dt
    from collections.abc import Sequence

    from sluicegate.capture.model import CapturedRevision
    from sluicegate.lint.report import Report
    from sluicegate.settings.policy import Policy
    from sluicegate.snapshot.facts import Size
    from sluicegate.snapshot.stored import Snapshot

Before = tuple[tuple[str, ...], str | None]
"""What a database has already: the revisions it is at, and its schema as SQL; None where the history is replayed."""

NOTHING: Before = ((), None)


@dataclass(frozen=True, slots=True)
class Production:
    """What is known of production beside the history; ``snapshot`` is None where there is none.

    Attributes:
        notes: what a reader of the report should know of it.
    """

    snapshot: Snapshot | None = None
    notes: tuple[str, ...] = ()

    @property
    def sizes(self) -> dict[str, Size]:
        """Return sizes by ``schema.table``."""
        return dict(self.snapshot.facts.relations) if self.snapshot else {}

    def parts(
        self, selected: frozenset[str], history: Sequence[CapturedRevision]
    ) -> list[tuple[frozenset[str], Before]]:
        """Split the selected revisions by what each is judged on."""
        known = {revision.revision: revision for revision in history if revision.revision is not None}
        at = self.position(known)
        if at is None or self.snapshot is None:
            return [(selected, NOTHING)]
        deployed = ancestors(at, known)
        parts = [(selected & deployed, NOTHING), (selected - deployed, (at, self.snapshot.schema))]
        return [part for part in parts if part[0]] or [(selected, NOTHING)]

    def position(self, known: dict[str, CapturedRevision]) -> tuple[str, ...] | None:
        """Return the revisions that production is at; None where that is not known, or the history lacks one."""
        at = self.snapshot.facts.heads if self.snapshot else None
        return at if at is not None and all(head in known for head in at) else None

    def reviewed(self, history: Sequence[CapturedRevision]) -> frozenset[str]:
        """Return what a merge adds when the whole history is judged: what production lacks, else the newest ones."""
        known = {revision.revision: revision for revision in history if revision.revision is not None}
        at = self.position(known)
        return frozenset(known) - ancestors(at, known) if at is not None else frozenset(heads(known))

    def with_history(self, history: Sequence[CapturedRevision]) -> Production:
        """Return it with a note where its snapshot cannot take the history's place."""
        known = {revision.revision: revision for revision in history if revision.revision is not None}
        if self.snapshot is None or self.position(known) is not None:
            return self
        facts = self.snapshot.facts
        if facts.heads is None:
            why = f"the snapshot's database has no table {facts.version_table}"
        else:
            lacking = ", ".join(head for head in facts.heads if head not in known)
            why = f"the snapshot is at {lacking}, which is no revision here"
        note = f"The history was replayed, and of the snapshot only sizes were used: {why}."
        return replace(self, notes=(*self.notes, note))


NO_PRODUCTION = Production()
"""Nothing is known of production but what the policy says."""


def production(policy: Policy, today: dt.date | None) -> Production:
    """Return what the snapshot beside a policy says.

    Raises:
        UsageError: there is one, and it cannot be read.
    """
    snapshot = find_snapshot(policy)
    return Production(snapshot, snapshot.remarks(policy, today)) if snapshot else Production()


def merged(reports: Sequence[Report], notes: tuple[str, ...] = ()) -> Report:
    """Return one report for revisions that were judged apart."""
    first, *others = reports
    sources = {file: text for report in reports for file, text in report.sources.items()}
    findings = [finding for report in reports for finding in report.findings]
    if others:
        findings = list(with_fingerprints(sorted(findings, key=lambda f: (f.location.file, f.location.line)), sources))
    return replace(
        first,
        revisions=tuple(revision for report in reports for revision in report.revisions),
        findings=tuple(findings),
        sources=sources,
        suppressed=sum(report.suppressed for report in reports),
        notes=notes,
    )

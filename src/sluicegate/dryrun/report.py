"""What a dry run found, as values: one record per revision, one per statement, in the order in which they ran."""

from __future__ import annotations

import enum
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from sluicegate.dryrun.observation import Method
from sluicegate.errors import ExitCode
from sluicegate.findings import Evidence

if TYPE_CHECKING:
    from sluicegate.dryrun.compare import Comparison
    from sluicegate.dryrun.fingerprint import Proof
    from sluicegate.dryrun.observation import Observation
    from sluicegate.effects.model import Effects
    from sluicegate.findings import Location


class Outcome(enum.StrEnum):
    """How a revision ended."""

    RAN = "ran"
    REFUSED = "refused"
    GATE_CLOSED = "gate closed"
    BROKEN = "could not be run"
    SKIPPED = "not run"


@dataclass(frozen=True, slots=True)
class StatementRun:
    """One statement that a revision sent.

    Attributes:
        sql: what was sent, bound parameters as literals.
        location: the innermost line of the versions folder that sent it.
        upgrade_location: the line of ``upgrade()`` that led there.
        operation: the Alembic operation, where there is one.
        autocommit: whether the revision meant it to run outside a transaction block.
        observation: what the server did.
        prediction: what was foretold; None when nothing was.
        comparison: one held against the other.
        note: what was done differently from a real run, such as ``gate assumed open in the clone``.
        plain: whether there was nothing to foretell: a SET, a gate.
    """

    sql: str
    location: Location
    upgrade_location: Location
    operation: str
    autocommit: bool
    observation: Observation
    prediction: Effects | None
    comparison: Comparison
    note: str = ""
    plain: bool = False


@dataclass(frozen=True, slots=True)
class RevisionRun:
    """One revision.

    Attributes:
        revision: its id.
        title: the first line of its docstring.
        file: its file, relative to the working directory where it lies below it.
        outcome: how it ended.
        statements: what it sent, up to the one that was refused.
        problem: why it did not run to its end, in one sentence.
        problem_location: the line at which it stopped.
    """

    revision: str
    title: str
    file: str
    outcome: Outcome
    statements: tuple[StatementRun, ...] = ()
    problem: str | None = None
    problem_location: Location | None = None


@dataclass(frozen=True, slots=True)
class DryRun:
    """A whole dry run.

    Attributes:
        version: the server's major version.
        where: where it ran, such as ``a clone of schema.sql at 0004 on an embedded PostgreSQL 18``.
        revisions: the revisions that were asked for, in Alembic's order.
        proof: what a run inside one transaction proved about the database afterwards; None on a clone.
        notes: what the reader must know to weigh the result.
    """

    version: int
    where: str
    revisions: tuple[RevisionRun, ...] = ()
    proof: Proof | None = None
    notes: tuple[str, ...] = field(default=())

    def statements(self) -> tuple[StatementRun, ...]:
        """Return the statements of all revisions."""
        return tuple(statement for revision in self.revisions for statement in revision.statements)

    def count(self, evidence: Evidence) -> int:
        """Return how many statements have this evidence, those aside for which there was nothing to foretell."""
        return sum(s.comparison.evidence is evidence for s in self.statements() if not s.plain)

    @property
    def exit_code(self) -> ExitCode:
        """Return the exit code: worst first, a broken proof being a failure of the run itself."""
        outcomes = {revision.outcome for revision in self.revisions}
        if self.proof is not None and not self.proof.unchanged:
            return ExitCode.RUN_FAILED
        if outcomes & {Outcome.REFUSED, Outcome.GATE_CLOSED} or self.count(Evidence.CONTRADICTED):
            return ExitCode.FINDINGS
        unsent = any(s.observation.method is Method.NOT_RUN and not s.plain for s in self.statements())
        if outcomes & {Outcome.BROKEN, Outcome.SKIPPED} or unsent:
            return ExitCode.COULD_NOT_JUDGE
        return ExitCode.CLEAN

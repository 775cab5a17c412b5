"""What capture hands on: statements with where they came from and the session they run in."""

from __future__ import annotations

import enum
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from sluicegate.findings import Direction

if TYPE_CHECKING:
    from collections.abc import Mapping

    from sluicegate.findings import Location


class CaptureMode(enum.StrEnum):
    """How far a revision could be read."""

    RECORDED = "recorded"
    LIVE = "live"
    PARTIAL = "partial"
    UNREADABLE = "unreadable"


@dataclass(frozen=True, slots=True)
class CapturedStatement:
    """One SQL statement as it would reach the server.

    Attributes:
        sql: the statement's text, bound parameters rendered as literals, without the final semicolon.
        location: the innermost line in the versions folder (or the SQL file) that issued it.
        upgrade_location: the line of ``upgrade()`` (or ``downgrade()``) that led there; the same as ``location``
            when no helper stands between.
        transaction: the transaction's number within the run; statements with the same number commit together.
            None in autocommit.
        settings: session settings in force when it runs, lower-case name → value as text
            (``lock_timeout``, ``statement_timeout``, ``timezone``, ``search_path``), only those that were set.
        local_settings: names among ``settings`` that were set with SET LOCAL and die with the transaction.
        autocommit: True when it runs outside a transaction block.
        iteration: how many statements the same place issued before this one (loops).
        origin: ``op`` (an Alembic operation), ``execute`` (SQL text), ``orm`` (a session's flush), ``file``.
        operation: the Alembic operation's name where there is one (``add_column``), else empty.
        after_empty_result: True when an earlier result in this revision was consumed, so that this statement may
            depend on rows that capture did not have.
        repeated: how many times it reaches the server with other parameters (a long ``executemany`` is written
            down once, with the first set).
    """

    sql: str
    location: Location
    upgrade_location: Location
    transaction: int | None
    settings: Mapping[str, str] = field(default_factory=dict)
    local_settings: frozenset[str] = frozenset()
    autocommit: bool = False
    iteration: int = 0
    origin: str = "execute"
    operation: str = ""
    after_empty_result: bool = False
    repeated: int = 1


@dataclass(frozen=True, slots=True)
class CapturedRevision:
    """One revision (or SQL file) and its statements, in the order in which they reach the server.

    Attributes:
        revision: the revision's id; for an SQL file, None.
        down_revisions: the revisions it follows.
        file: the file it was read from, relative to the working directory where it lies below it.
        mode: how far it could be read.
        reason: why it is partial or unreadable, in one sentence; None otherwise.
        reason_location: the line that made it so, where there is one.
        source: the file's text.
        depends_on: revisions that must run before it without being its parents.
        branch_labels: its branch labels.
        more_reasons: further reasons, each with the line that made it so.
        direction: whether ``upgrade()`` or ``downgrade()`` was captured.
        questions: the statements whose results only a database knows, and which it looked at.
        asked_in_vain: it asked something that a recording could not answer and a real server might.
    """

    revision: str | None
    down_revisions: tuple[str, ...]
    file: str
    mode: CaptureMode
    statements: tuple[CapturedStatement, ...] = ()
    reason: str | None = None
    reason_location: Location | None = None
    source: str = ""
    depends_on: tuple[str, ...] = ()
    branch_labels: tuple[str, ...] = ()
    more_reasons: tuple[tuple[str, Location | None], ...] = ()
    questions: tuple[str, ...] = ()
    asked_in_vain: bool = False
    direction: Direction = Direction.UPGRADE

    @property
    def reasons(self) -> tuple[tuple[str, Location | None], ...]:
        """Every reason with its line, the first one first."""
        first = () if self.reason is None else ((self.reason, self.reason_location),)
        return (*first, *self.more_reasons)

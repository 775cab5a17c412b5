"""What a statement does to a server: the type that prediction and observation share."""

from __future__ import annotations

import enum
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping


class LockMode(enum.IntEnum):
    """Table-level lock modes, weakest first, named as ``pg_locks.mode`` names them.

    Source: PostgreSQL 18 manual, 13.3.1 "Table-Level Locks".
    """

    AccessShareLock = 1
    RowShareLock = 2
    RowExclusiveLock = 3
    ShareUpdateExclusiveLock = 4
    ShareLock = 5
    ShareRowExclusiveLock = 6
    ExclusiveLock = 7
    AccessExclusiveLock = 8

    def conflicts_with(self, other: LockMode) -> bool:
        """Tell whether two sessions cannot hold these modes on one table at once."""
        return other in _CONFLICTS[self]

    @property
    def blocks_reads(self) -> bool:
        """Tell whether a plain SELECT waits behind this lock."""
        return self.conflicts_with(LockMode.AccessShareLock)

    @property
    def blocks_writes(self) -> bool:
        """Tell whether INSERT, UPDATE and DELETE wait behind this lock."""
        return self.conflicts_with(LockMode.RowExclusiveLock)


_L = LockMode
# PostgreSQL 18 manual, table 13.2 "Conflicting Lock Modes".
_CONFLICTS: dict[LockMode, frozenset[LockMode]] = {
    _L.AccessShareLock: frozenset({_L.AccessExclusiveLock}),
    _L.RowShareLock: frozenset({_L.ExclusiveLock, _L.AccessExclusiveLock}),
    _L.RowExclusiveLock: frozenset({_L.ShareLock, _L.ShareRowExclusiveLock, _L.ExclusiveLock, _L.AccessExclusiveLock}),
    _L.ShareUpdateExclusiveLock: frozenset(m for m in LockMode if m >= _L.ShareUpdateExclusiveLock),
    _L.ShareLock: frozenset(m for m in LockMode if m >= _L.RowExclusiveLock and m is not _L.ShareLock),
    _L.ShareRowExclusiveLock: frozenset(m for m in LockMode if m >= _L.RowExclusiveLock),
    _L.ExclusiveLock: frozenset(m for m in LockMode if m >= _L.RowShareLock),
    _L.AccessExclusiveLock: frozenset(LockMode),
}


class Certainty(enum.StrEnum):
    """Whether the catalog, the version and the statement were enough to tell."""

    CERTAIN = "certain"
    UNKNOWN = "unknown"


class InTransaction(enum.StrEnum):
    """Whether the server accepts the statement inside a transaction block."""

    ALLOWED = "allowed"
    FORBIDDEN = "forbidden"


@dataclass(frozen=True, slots=True)
class Refusal:
    """The error with which the server rejects a statement."""

    sqlstate: str
    message: str

    def __str__(self) -> str:
        return f"{self.sqlstate}: {self.message}"


class LossKind(enum.StrEnum):
    """What a statement takes away that a later statement cannot bring back."""

    TABLE = "table"
    COLUMN = "column"
    ROWS = "rows"
    INDEX = "index"
    CONSTRAINT = "constraint"
    VALUES = "values"
    OBJECT = "object"


@dataclass(frozen=True, slots=True)
class Loss:
    """One thing that is gone after the statement.

    Attributes:
        kind: what sort of thing.
        relation: the relation it belonged to, ``schema.name``.
        name: the column, index, constraint or object; empty for a whole relation.
        asked: False when the statement does not name it and it goes along silently.
        detail: what a reader needs to weigh it, such as the column's type.
    """

    kind: LossKind
    relation: str
    name: str = ""
    asked: bool = True
    detail: str = ""


MAY_NOT_RUN = "is decided when it runs"
"""How the phrase ends that says of a statement inside a block that it may not run; its effects count as if it did."""
KEY_MAY_LACK = "has a key that the foreign key fits"
"""How the phrase ends that says of a table, which nobody showed, what its foreign keys need."""


@dataclass(frozen=True, slots=True)
class Effects:
    """What one statement does to the relations that existed before it.

    Relation names are ``schema.name`` without quotes, as they were before the statement. System catalogs and TOAST
    tables never appear. When ``error`` is set the server rejects the statement and the collections are empty.

    Attributes:
        locks: strongest table-level lock per table, partitioned table, view, materialized view, sequence, type.
        index_locks: the same for indexes.
        rewrites: tables and materialized views whose file is replaced.
        scans: tables and materialized views read from end to end.
        index_builds: tables that get at least one newly written index file.
        in_transaction: whether the server accepts it inside a transaction block.
        error: how the server rejects it, where the catalog alone tells.
        certainty: UNKNOWN when something that decides the answer is not known; ``unknowns`` says what.
        unknowns: one phrase for each thing that is not known.
        depends_on_data: one phrase for each way the outcome depends on rows, such as
            ``fails if users.name holds NULL``.
        losses: what is gone afterwards.
        reasons: per relation, why it is rewritten or scanned, in words for a reader.
    """

    locks: Mapping[str, LockMode] = field(default_factory=dict)
    index_locks: Mapping[str, LockMode] = field(default_factory=dict)
    rewrites: frozenset[str] = frozenset()
    scans: frozenset[str] = frozenset()
    index_builds: frozenset[str] = frozenset()
    in_transaction: InTransaction = InTransaction.ALLOWED
    error: Refusal | None = None
    certainty: Certainty = Certainty.CERTAIN
    unknowns: tuple[str, ...] = ()
    depends_on_data: tuple[str, ...] = ()
    losses: tuple[Loss, ...] = ()
    reasons: Mapping[str, str] = field(default_factory=dict)

    def uncertain(self, phrase: str) -> Effects:
        """Return the same effects with one more thing that is not known."""
        unknowns = self.unknowns if phrase in self.unknowns else (*self.unknowns, phrase)
        return replace(self, certainty=Certainty.UNKNOWN, unknowns=unknowns)

    def as_json(self) -> dict[str, object]:
        """Return the effects as JSON-ready values, sorted so that equal effects print alike."""
        return {
            "locks": [{"relation": name, "mode": self.locks[name].name} for name in sorted(self.locks)],
            "index_locks": [{"relation": n, "mode": self.index_locks[n].name} for n in sorted(self.index_locks)],
            "rewrites": sorted(self.rewrites),
            "scans": sorted(self.scans),
            "index_builds": sorted(self.index_builds),
            "in_transaction": self.in_transaction.value,
            "error": None if self.error is None else str(self.error),
            "certainty": self.certainty.value,
            "unknowns": list(self.unknowns),
            "depends_on_data": list(self.depends_on_data),
            "losses": [
                {
                    "kind": loss.kind.value,
                    "relation": loss.relation,
                    "name": loss.name,
                    "asked": loss.asked,
                    "detail": loss.detail,
                }
                for loss in self.losses
            ],
            "reasons": dict(sorted(self.reasons.items())),
        }

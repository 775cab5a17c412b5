"""How far a run is: rows written of rows owed, the rate of late, and the time that is left."""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from collections.abc import Callable

    from sluicegate.backfill.chunks import Bound


@dataclass(frozen=True, slots=True)
class ChunkRecord:
    """A chunk that was committed, as the ledger holds it.

    Attributes:
        kind: ``range``, ``requeue`` or ``keys``.
        seq: its number among its kind.
        keys: the key at which it ends, None for the end of the table.
        rows: how many rows it wrote.
        seconds: from its begin to its record.
        wal_bytes: what the whole server wrote to its WAL meanwhile.
        worker: who wrote it.
    """

    kind: str
    seq: int
    keys: Bound | None
    rows: int
    seconds: float | None
    wal_bytes: int | None
    worker: str


class Listener(Protocol):
    """Whoever shows a run to people."""

    def chunk(self, rows: int, keys: Bound | None) -> None:
        """A chunk was committed: how many rows it wrote, and the key at which it ends."""

    def parked(self, key: Bound, reason: str) -> None:
        """A row cannot be written; it was set aside."""

    def retrying(self, reason: str, wait: float) -> None:
        """A chunk failed and is tried again after some seconds."""

    def note(self, text: str) -> None:
        """Something happened that the reader should know."""


class Silence:
    """A listener that shows nothing."""

    def chunk(self, rows: int, keys: Bound | None) -> None:
        """Show nothing."""

    def parked(self, key: Bound, reason: str) -> None:
        """Show nothing."""

    def retrying(self, reason: str, wait: float) -> None:
        """Show nothing."""

    def note(self, text: str) -> None:
        """Show nothing."""


@dataclass(slots=True)
class Progress:
    """Rows written so far, with the rate over the last chunks, so that a pause does not spoil the estimate.

    Attributes:
        total: rows owed when the run began; None where nobody counted.
        clock: seconds that only grow.
        window: chunks that the rate looks back.
    """

    total: int | None
    clock: Callable[[], float]
    window: int = 20
    rows: int = 0
    _recent: deque[tuple[float, int]] = field(default_factory=deque)

    def __post_init__(self) -> None:
        """Start the clock."""
        self._recent.append((self.clock(), 0))

    def add(self, rows: int) -> None:
        """Count a chunk."""
        self.rows += rows
        self._recent.append((self.clock(), self.rows))
        while len(self._recent) > self.window + 1:
            self._recent.popleft()

    @property
    def rate(self) -> float | None:
        """Rows a second over the last chunks; None before the first one."""
        (since, before), (now, after) = self._recent[0], self._recent[-1]
        return (after - before) / (now - since) if now > since and after > before else None

    @property
    def remaining(self) -> float | None:
        """Seconds until the rows that were owed are written, at the present rate; None when that cannot be told."""
        rate = self.rate
        if self.total is None or rate is None:
            return None
        # More rows than were owed at the start came in meanwhile: then there is no honest estimate.
        return (self.total - self.rows) / rate if self.rows <= self.total else None

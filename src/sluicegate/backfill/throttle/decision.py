"""Decide from readings and a clock whether a run may go on: at once above a limit, only when calm again below it."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from sluicegate.backfill.throttle.model import Hold, Verdict

if TYPE_CHECKING:
    from collections.abc import Iterable

    from sluicegate.backfill.throttle.model import Reading, Signal

_HOLDING = (Verdict.HOLD, Verdict.UNKNOWN)


@dataclass(slots=True)
class Decision:
    """Whether a run is held, kept from one set of readings to the next.

    A run is held as soon as any signal is above its limit or cannot be told. It goes on when every signal that held it
    has fallen to ``resume_at`` of its limit and all have been calm for ``settle`` seconds, so that it does not flap.

    Attributes:
        settle: seconds.
        resume_at: a share of the limits, up to 1.
        patience: seconds without any reading after which the readings count as missing.
        hold: why the run is held at the moment.
    """

    settle: float
    resume_at: float
    patience: float
    hold: Hold | None = None
    _held_by: set[Signal] = field(default_factory=set)
    _calm_since: float | None = None
    _read_at: float | None = None

    def update(self, readings: Iterable[Reading], now: float) -> Hold | None:
        """Take new readings in; return why the run is held, None when it may go on.

        Args:
            readings: what each signal said.
            now: seconds of a clock that only grows.
        """
        self._read_at = now
        reasons = []
        for reading in readings:
            share = self.resume_at if reading.signal in self._held_by else 1.0
            if reading.verdict(share) in _HOLDING:
                self._held_by.add(reading.signal)
                reasons.append(reading.reason(share))
        if reasons:
            self._calm_since = None
            self.hold = Hold(tuple(reasons), self.hold.since if self.hold else now)
            return self.hold
        if self.hold is None:
            return None
        if self._calm_since is None:
            self._calm_since = now
        if now - self._calm_since >= self.settle:
            self.hold = None
            self._calm_since = None
            self._held_by.clear()
        return self.hold

    def at(self, now: float) -> Hold | None:
        """Return why the run is held at this time; readings that are too old count as none."""
        if self._read_at is None or now - self._read_at <= self.patience:
            return self.hold
        silent = f"the signals have not been asked for {now - self._read_at:,.0f} s"
        return Hold((silent,), self.hold.since if self.hold else self._read_at)


@dataclass(slots=True)
class ReplayClock:
    """How long ago the primary wrote what a replica has replayed, worked out from positions alone.

    ``replay_lag`` of pg_stat_replication turns NULL or stands still when a replica replays nothing (PostgreSQL 18
    manual, 27.2.4), which is when it matters most.

    Attributes:
        memory: seconds to remember; no lag is told longer than that.
    """

    memory: float = 86_400.0
    _written: list[tuple[float, int]] = field(default_factory=list)

    def note(self, position: int, now: float) -> None:
        """Remember the primary's write position (bytes of WAL) at a time."""
        if self._written and position < self._written[-1][1]:
            self._written.clear()  # another timeline
        if self._written and position == self._written[-1][1]:
            return
        self._written.append((now, position))
        if len(self._written) > 4_000:
            del self._written[1:-1:2]  # half the precision of the past is enough
        while len(self._written) > 2 and now - self._written[1][0] > self.memory:
            self._written.pop(0)

    def lag(self, replayed: int, now: float) -> float:
        """Return for how many seconds the primary has been ahead of a replayed position; 0 when it is not."""
        for moment, position in self._written:
            if position > replayed:
                return now - moment
        return 0.0

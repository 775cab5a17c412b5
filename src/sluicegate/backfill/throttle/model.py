"""What the throttle is told about a server, as values: signals, figures with their limits, and why a run is held."""

from __future__ import annotations

import enum
from dataclasses import dataclass


class Signal(enum.StrEnum):
    """A thing that is asked, by the name that switches it off."""

    REPLICAS = "replicas"
    XMIN = "xmin"
    WAITERS = "waiters"
    DEAD_TUPLES = "dead-tuples"
    WRAPAROUND = "wraparound"
    ARCHIVE = "archive"
    SLOTS = "slots"
    QUERY = "query"
    SERVER = "server"
    """Whether the others can be asked at all; it cannot be switched off."""


class Verdict(enum.StrEnum):
    """What a signal says."""

    FINE = "fine"
    HOLD = "hold"
    UNKNOWN = "unknown"
    ABSENT = "not applicable"
    OFF = "off"


class Unit(enum.Enum):
    """How a figure is written."""

    BYTES = enum.auto()
    SECONDS = enum.auto()
    COUNT = enum.auto()
    FLAG = enum.auto()
    """0 or 1: the thing is so, or not; ``what`` says it all."""


@dataclass(frozen=True, slots=True)
class Figure:
    """One figure of a signal.

    Attributes:
        what: what it is the figure of, in words that read on: ``replica r1 has to replay``.
        value: the figure; None when the server did not say.
        limit: what it must not exceed.
        unit: how both are written.
        detail: who is to blame and what can be done, for a person.
    """

    what: str
    value: float | None
    limit: float
    unit: Unit
    detail: str = ""

    def exceeds(self, share: float = 1.0) -> bool:
        """Whether it is above that share of its limit; unknown counts as above."""
        return self.value is None or self.value > self.limit * (share if self.limit > 0 else 1.0)

    @property
    def strain(self) -> float:
        """How near the limit it is: 1 at the limit, infinite where it is unknown or no limit allows it."""
        if self.value is None:
            return float("inf")
        if self.limit <= 0:
            return float("inf") if self.value > self.limit else 0.0
        return self.value / self.limit

    def __str__(self) -> str:
        """Say it with its limit: ``replica r1 has to replay 300 MB (limit 256 MB)``."""
        if self.unit is Unit.FLAG and self.value is not None:
            text = self.what
        else:
            text = f"{self.what} {written(self.value, self.unit)} (limit {written(self.limit, self.unit)})"
        return f"{text}; {self.detail}" if self.detail else text


@dataclass(frozen=True, slots=True)
class Reading:
    """What one signal said at one time.

    Attributes:
        signal: which.
        figures: its figures; none when nothing is there to be measured.
        error: why it could not be asked.
        absent: why it does not apply to this server.
        cure: what makes it answer, where it could not be asked.
    """

    signal: Signal
    figures: tuple[Figure, ...] = ()
    error: str | None = None
    absent: str | None = None
    cure: str | None = None

    @property
    def worst(self) -> Figure | None:
        """The figure nearest to or farthest above its limit."""
        return max(self.figures, key=lambda figure: figure.strain, default=None)

    def verdict(self, share: float = 1.0) -> Verdict:
        """Judge it against a share of its limits."""
        if self.absent is not None:
            return Verdict.ABSENT
        if self.error is not None or any(figure.value is None for figure in self.figures):
            return Verdict.UNKNOWN
        return Verdict.HOLD if any(figure.exceeds(share) for figure in self.figures) else Verdict.FINE

    def reason(self, share: float = 1.0) -> str:
        """Say why it holds a run, in one clause."""
        if self.error is not None:
            return f"{self.signal} cannot be told: {self.error}" + (f" {self.cure}" if self.cure else "")
        silent = [figure for figure in self.figures if figure.value is None]
        if silent:
            cure = f" {self.cure}" if self.cure else ""
            return f"{self.signal} cannot be told: {silent[0].what} {written(None, silent[0].unit)}.{cure}"
        over = sorted((f for f in self.figures if f.exceeds(share)), key=lambda figure: -figure.strain)
        more = f", and {len(over) - 1} more" if len(over) > 1 else ""
        return f"{over[0]}{more}" if over else ""


@dataclass(frozen=True, slots=True)
class Hold:
    """Why a run waits.

    Attributes:
        reasons: one clause for each signal that holds it.
        since: when it began, in the clock of whoever asked.
    """

    reasons: tuple[str, ...]
    since: float

    def __str__(self) -> str:
        return "; ".join(self.reasons)


def written(value: float | None, unit: Unit) -> str:
    """Write a figure for people."""
    if value is None:
        return "is not known"
    if unit is Unit.FLAG:
        return "yes" if value else "no"
    if unit is Unit.SECONDS:
        return f"{value:,.1f} s" if value < 60 else f"{value:,.0f} s"
    if unit is Unit.BYTES:
        for factor, name in ((1024**4, "TB"), (1024**3, "GB"), (1024**2, "MB"), (1024, "kB")):
            if abs(value) >= factor:
                return f"{value / factor:,.4g} {name}"
        return f"{value:,.0f} bytes"
    return f"{value:,.0f}" if float(value).is_integer() else f"{value:,.4g}"

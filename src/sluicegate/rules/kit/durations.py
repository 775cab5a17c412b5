"""How long work on a table takes at production's size: amounts over rates, as a range and never as a promise.

Every rate is what the embedded PostgreSQL does on two cores with the table in memory (``scripts/rates`` measures it;
``[durations]`` in the policy overrides it). Production is slower by an unknown factor (a cold disk, other load), so
that an answer goes from the measured time to ``SPREAD`` times as long.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from sluicegate.settings.keys import MEASURED_RATES

if TYPE_CHECKING:
    from collections.abc import Mapping

SPREAD = 4
"""How much slower than the measured machine a busy production server may be."""

RATES: Mapping[str, float] = {name: rate for name, rate, _ in MEASURED_RATES}
"""The measured rates, by the names that the policy's ``[durations]`` has for them."""

_MEGABYTE = 1_000_000
_DIMENSIONS, _EF, _LISTS = 768, 64, 100  # of the measured vector indexes
_FAST_INDEXES = frozenset({"btree", "hash", "brin"})


@dataclass(frozen=True, slots=True)
class Duration:
    """From ``low`` to ``high`` seconds."""

    low: float
    high: float

    def __add__(self, other: Duration) -> Duration:
        return Duration(self.low + other.low, self.high + other.high)

    @property
    def words(self) -> str:
        """Return it for a reader: ``60 to 240 s``, ``2 to 8 min``, ``less than a second``."""
        if self.high < 1:
            return "less than a second"
        unit, seconds = next((u, s) for u, s in (("h", 3600), ("min", 60), ("s", 1)) if self.low >= 2 * s or s == 1)
        low, high = _rounded(self.low / seconds), _rounded(self.high / seconds)
        if self.low < seconds:
            return f"up to {high} {unit}"
        return f"{low} to {high} {unit}" if low != high else f"{low} {unit}"


NO_TIME = Duration(0, 0)


@dataclass(frozen=True, slots=True)
class Rates:
    """The rates in force: a policy's own before the measured ones."""

    own: Mapping[str, float]

    def scan(self, size: int) -> Duration:
        """Read a table from end to end; ``size`` in bytes."""
        return self._took(size / _MEGABYTE, "scan_mb_per_second")

    def rewrite(self, size: int) -> Duration:
        """Write a table anew, without its indexes; ``size`` in bytes, out-of-line values included."""
        return self._took(size / _MEGABYTE, "rewrite_mb_per_second")

    def foreign_key(self, rows: int) -> Duration:
        """Look up the parent of each row."""
        return self._took(rows, "foreign_key_rows_per_second")

    def update(self, rows: int) -> Duration:
        """Change each row."""
        return self._took(rows, "update_rows_per_second")

    def index(
        self, method: str, rows: int, *, dimensions: int = 0, options: Mapping[str, str] | None = None
    ) -> Duration:
        """Build an index over a table."""
        given = options or {}
        if method == "hnsw":
            work = rows * (dimensions or _DIMENSIONS) / _DIMENSIONS * _number(given.get("ef_construction"), _EF) / _EF
            return self._took(work, "hnsw_rows_per_second")
        if method == "ivfflat":
            work = rows * (dimensions or _DIMENSIONS) / _DIMENSIONS * _number(given.get("lists"), _LISTS) / _LISTS
            return self._took(work, "ivfflat_rows_per_second")
        known = "index_rows_per_second" if method in _FAST_INDEXES else "other_index_rows_per_second"
        return self._took(rows, known)

    def _took(self, amount: float, rate: str) -> Duration:
        low = amount / self.own.get(rate, RATES[rate])
        return Duration(low, low * SPREAD)


def _number(text: str | None, default: int) -> int:
    return int(text) if text and text.isdigit() and int(text) > 0 else default


def _rounded(value: float) -> str:
    """Return a number with two significant digits; more would be a promise."""
    if value < 10:
        return f"{value:.0f}" if value >= 1 else "1"
    digits = len(str(int(value))) - 2
    return f"{round(value / 10**digits) * 10**digits:,}"

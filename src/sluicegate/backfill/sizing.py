"""How many keys the next chunks hold when they shall take a given time: a smoothed rate, within limits."""

from __future__ import annotations

from dataclasses import dataclass, field

SMALLEST = 10
"""No chunk is planned smaller, so that a slow moment does not end in chunks of one row."""

LARGEST = 100_000
"""No chunk is planned larger: what BATCH_SIZE accepts at most."""

KEPT = 0.75
"""Share of what was learned from former chunks that stays when a new one is counted."""

GROWTH = 2.0
"""No size is more than so many times the one before, since a larger chunk may be slower in ways not seen yet."""


@dataclass(slots=True)
class Sizer:
    """Follows a target time; every chunk counts for a quarter of what is known after it.

    Attributes:
        size: keys in the chunks that are planned next.
        target: seconds that a chunk shall take.
    """

    size: int
    target: float
    _keys: float = field(default=0.0, init=False)
    _seconds: float = field(default=0.0, init=False)

    def took(self, keys: int, seconds: float) -> None:
        """Count a chunk of so many keys that took so many seconds."""
        self._keys = KEPT * self._keys + keys
        self._seconds = KEPT * self._seconds + max(seconds, 0.0)
        wanted = self.target * self._keys / self._seconds if self._seconds > 0 else self.size * GROWTH
        self.size = round(min(max(wanted, SMALLEST), self.size * GROWTH, LARGEST))

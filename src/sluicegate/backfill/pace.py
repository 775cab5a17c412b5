"""The operational settings that a run works by, resolved from flags, environment, definition and policy."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Pace:
    """The operational settings in force.

    Attributes:
        batch_size: keys in a chunk.
        sleep: seconds between two chunks.
        lease: seconds of silence after which a worker counts as dead.
        wait_for_writers: how many seconds to wait for transactions that write to the table when a run begins.
        target_seconds: seconds that a chunk should take, which its size then follows; 0 keeps the size.
    """

    batch_size: int
    sleep: float
    lease: float
    wait_for_writers: float = 0.0
    target_seconds: float = 0.0

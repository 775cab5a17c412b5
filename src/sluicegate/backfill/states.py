"""The states of a backfill and of its chunks: one table each, one place that enforces them."""

from __future__ import annotations

import enum

from sluicegate.errors import UsageError


class RunState(enum.StrEnum):
    """Where a backfill stands. Names in -ing were asked for, names in -ed are reached."""

    PLANNED = "planned"
    RUNNING = "running"
    PAUSING = "pausing"
    PAUSED = "paused"
    CANCELLING = "cancelling"
    CANCELLED = "cancelled"
    INTERRUPTED = "interrupted"
    FAILED = "failed"
    FINISHED = "finished"
    FINISHED_WITH_PARKED = "finished_with_parked"
    VERIFIED = "verified"

    @property
    def meaning(self) -> str:
        """The state in a few words for people."""
        return _MEANINGS[self]


_MEANINGS = {
    RunState.PLANNED: "not started",
    RunState.RUNNING: "running",
    RunState.PAUSING: "pausing",
    RunState.PAUSED: "paused",
    RunState.CANCELLING: "being cancelled",
    RunState.CANCELLED: "cancelled",
    RunState.INTERRUPTED: "interrupted",
    RunState.FAILED: "failed",
    RunState.FINISHED: "finished, not verified",
    RunState.FINISHED_WITH_PARKED: "finished with parked rows",
    RunState.VERIFIED: "verified",
}

S = RunState
TRANSITIONS: dict[RunState, frozenset[RunState]] = {
    # The first worker starts it; it may be called off before that. Rows may be complete without a run.
    S.PLANNED: frozenset({S.RUNNING, S.CANCELLED, S.VERIFIED}),
    # Asked to pause or to stop; the last worker left; a chunk cannot be done; nothing is left to do.
    S.RUNNING: frozenset({S.PAUSING, S.CANCELLING, S.INTERRUPTED, S.FAILED, S.FINISHED, S.FINISHED_WITH_PARKED}),
    # Workers have seen it; the last chunk was on its way and finished everything; resumed or cancelled after all.
    S.PAUSING: frozenset(
        {S.PAUSED, S.RUNNING, S.CANCELLING, S.INTERRUPTED, S.FAILED, S.FINISHED, S.FINISHED_WITH_PARKED}
    ),
    # Resumed, or called off.
    S.PAUSED: frozenset({S.RUNNING, S.CANCELLED}),
    # Workers have seen it.
    S.CANCELLING: frozenset({S.CANCELLED, S.FAILED}),
    # Started again from its mark.
    S.CANCELLED: frozenset({S.RUNNING}),
    # Started again from its mark, or called off.
    S.INTERRUPTED: frozenset({S.RUNNING, S.CANCELLED}),
    # Started again after the cause was removed, or called off.
    S.FAILED: frozenset({S.RUNNING, S.CANCELLED}),
    # Proved; or later rows, or rows that verification found missing, are worked off.
    S.FINISHED: frozenset({S.RUNNING, S.VERIFIED}),
    # Parked rows are tried again; or they were repaired by hand and the proof finds nothing missing.
    S.FINISHED_WITH_PARKED: frozenset({S.RUNNING, S.VERIFIED}),
    # Proved again; later rows are worked off, and the proof must be made anew; or rows were found missing.
    S.VERIFIED: frozenset({S.VERIFIED, S.RUNNING, S.FINISHED}),
}
"""State → the states that may follow it."""


class ChunkState(enum.StrEnum):
    """Where one chunk stands."""

    PENDING = "pending"
    RUNNING = "running"
    DONE = "done"
    PARKED = "parked"
    FAILED = "failed"

    @property
    def finished(self) -> bool:
        """Whether the mark may pass it: its rows are written, or parked with a reason."""
        return self in (ChunkState.DONE, ChunkState.PARKED)


C = ChunkState
CHUNK_TRANSITIONS: dict[ChunkState, frozenset[ChunkState]] = {
    # Written and recorded in one transaction; claimed for longer than a transaction; given up as one row or as a whole.
    C.PENDING: frozenset({C.RUNNING, C.DONE, C.PARKED, C.FAILED}),
    # Written; given back by a worker that left or whose lease was taken; given up.
    C.RUNNING: frozenset({C.DONE, C.PENDING, C.PARKED, C.FAILED}),
    # Verification found rows of it missing.
    C.DONE: frozenset({C.PENDING}),
    # Tried again.
    C.PARKED: frozenset({C.PENDING}),
    # Tried again.
    C.FAILED: frozenset({C.PENDING}),
}
"""State of a chunk → the states that may follow it."""


class StateError(UsageError):
    """A backfill is in a state from which this cannot be asked."""


def before(target: RunState) -> tuple[RunState, ...]:
    """Return the states from which a backfill may move to ``target``."""
    return tuple(state for state, following in TRANSITIONS.items() if target in following)


def check(name: str, current: RunState, target: RunState) -> None:
    """Refuse a move that the table does not hold.

    Raises:
        StateError: the move is not allowed.
    """
    if target not in TRANSITIONS[current]:
        allowed = ", ".join(sorted(state.meaning for state in TRANSITIONS[current]))
        raise StateError(
            f"Backfill {name} is {current.meaning}; it cannot become {target.meaning} from there.",
            hint=f"From here it can become: {allowed}.",
        )

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
    # Resumed, so that a run may start again; or called off. A run that is started again by itself stays out.
    S.PAUSED: frozenset({S.INTERRUPTED, S.CANCELLED}),
    # Workers have seen it.
    S.CANCELLING: frozenset({S.CANCELLED, S.FAILED}),
    # Taken up again after all, from its mark.
    S.CANCELLED: frozenset({S.INTERRUPTED}),
    # Started again from its mark; kept from being started again; or called off.
    S.INTERRUPTED: frozenset({S.RUNNING, S.PAUSED, S.CANCELLED}),
    # Started again after the cause was removed, or called off.
    S.FAILED: frozenset({S.RUNNING, S.CANCELLED}),
    # Proved; or later rows, or rows that verification found missing, are worked off.
    S.FINISHED: frozenset({S.RUNNING, S.VERIFIED}),
    # Parked rows are tried again, or wait to be; or they were repaired by hand and the proof finds nothing missing.
    S.FINISHED_WITH_PARKED: frozenset({S.RUNNING, S.INTERRUPTED, S.VERIFIED}),
    # Proved again; later rows are worked off, and the proof must be made anew; or rows were found missing.
    S.VERIFIED: frozenset({S.VERIFIED, S.RUNNING, S.FINISHED}),
}
"""State → the states that may follow it."""


class Verb(enum.StrEnum):
    """What people may ask of a backfill, besides running and verifying it."""

    PAUSE = "pause"
    RESUME = "resume"
    CANCEL = "cancel"
    TUNE = "tune"
    RETRY_PARKED = "retry-parked"


V = Verb
ON_REQUEST = frozenset({S.PAUSING, S.PAUSED, S.CANCELLING, S.CANCELLED})
"""States that somebody asked for: no worker begins there."""

REACHED = {S.PAUSING: S.PAUSED, S.CANCELLING: S.CANCELLED, S.RUNNING: S.INTERRUPTED}
"""State → the one that follows when the last worker has left before the end."""

ANSWERS: dict[Verb, dict[RunState, RunState]] = {
    # Workers finish their chunks and leave; the last one says that it is paused.
    # One that nobody works on is kept from being started, by a scheduler or another host.
    V.PAUSE: {S.RUNNING: S.PAUSING, S.PAUSING: S.PAUSING, S.INTERRUPTED: S.PAUSED},
    # While workers are still leaving, those that have not noticed go on.
    V.RESUME: {S.PAUSING: S.RUNNING, S.PAUSED: S.INTERRUPTED, S.CANCELLED: S.INTERRUPTED},
    V.CANCEL: {
        S.PLANNED: S.CANCELLED,
        S.RUNNING: S.CANCELLING,
        S.PAUSING: S.CANCELLING,
        S.CANCELLING: S.CANCELLING,
        S.PAUSED: S.CANCELLED,
        S.INTERRUPTED: S.CANCELLED,
        S.FAILED: S.CANCELLED,
    },
    # A run takes its settings when it starts, so only one that goes on can be changed.
    V.TUNE: {S.RUNNING: S.RUNNING, S.PAUSING: S.PAUSING},
    V.RETRY_PARKED: {
        S.RUNNING: S.RUNNING,
        S.PAUSING: S.PAUSING,
        S.PAUSED: S.PAUSED,
        S.INTERRUPTED: S.INTERRUPTED,
        S.FAILED: S.FAILED,
        S.FINISHED_WITH_PARKED: S.INTERRUPTED,
    },
}
"""What is asked → state in which it may be → the state that follows."""

NEXT: dict[RunState, str] = {
    S.PLANNED: "Start it with: sluicegate backfill run {name}",
    S.RUNNING: "It can be paused, cancelled or tuned: sluicegate backfill pause {name}",
    S.PAUSING: "Its workers are finishing their chunks; see: sluicegate backfill status {name}",
    S.PAUSED: "Go on: sluicegate backfill resume {name}; then sluicegate backfill run {name}",
    S.CANCELLING: "Its workers are finishing their chunks; see: sluicegate backfill status {name}",
    S.CANCELLED: "Take it up again: sluicegate backfill resume {name}; then sluicegate backfill run {name}",
    S.INTERRUPTED: "Go on with: sluicegate backfill run {name}. Or call it off with cancel.",
    S.FAILED: "Remove the cause (sluicegate backfill status {name}); then: sluicegate backfill run {name}",
    S.FINISHED: "Prove it with: sluicegate backfill verify {name}",
    S.FINISHED_WITH_PARKED: "Try the parked rows again: sluicegate backfill retry-parked {name}",
    S.VERIFIED: "Nothing is left to do.",
}
"""State → what can be done there."""


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


def answer(name: str, verb: Verb, current: RunState) -> RunState:
    """Return the state that follows when this is asked of a backfill.

    Raises:
        StateError: it cannot be asked in this state; the hint says what can.
    """
    following = ANSWERS[verb].get(current)
    if following is None:
        raise StateError(
            f"Backfill {name} is {current.meaning}; {verb} does nothing there.", hint=NEXT[current].format(name=name)
        )
    return following


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

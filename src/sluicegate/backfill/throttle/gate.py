"""Hold a worker before a chunk for as long as the watch says so, and say why to people and in the database."""

from __future__ import annotations

from typing import TYPE_CHECKING

from sluicegate.errors import SluicegateError

if TYPE_CHECKING:
    from collections.abc import Callable

    from sluicegate.backfill.session import WorkerSession
    from sluicegate.backfill.throttle.model import Hold

_LOOK_EVERY = 0.5  # seconds between two looks at the decision, and at what others want of this worker
_SAY_EVERY = 60.0  # seconds between two lines about the same hold
_WRITE_EVERY = 5.0  # seconds between two changes of the reason in the database


class HeldTooLongError(SluicegateError):
    """A backfill was held for longer than it may be."""


class Gate:
    """One worker's way past the throttle.

    Attributes:
        looks: how often the worker found itself still welcome while it was held.
    """

    def __init__(self, held: Callable[[], Hold | None], session: WorkerSession, max_wait: float) -> None:
        """Prepare.

        Args:
            held: says why no chunk may begin now; None when one may.
            session: the worker.
            max_wait: seconds to be held in all before the run ends; 0 for any time.
        """
        self._held, self._session, self._max_wait = held, session, max_wait
        self._waited = 0.0
        self.looks = 0

    def closed(self) -> bool:
        """Whether the next chunk must wait."""
        return self._held() is not None

    def wait(self) -> None:
        """Return when a chunk may begin. The worker must have no transaction open.

        Raises:
            HeldTooLongError: it was held for longer than allowed.
            LeaveError: this process was asked to stop, or the backfill is not running any more.
            LeaseLostError: others took this worker for dead.
            psycopg.Error: the connection broke.
        """
        hold = self._held()
        if hold is None:
            return
        session, listener = self._session, self._session.around.listener
        waited, said, wrote = 0.0, 0.0, -_WRITE_EVERY
        listener.note(f"held: {hold}")
        recorded = None
        try:
            while hold is not None:
                if str(hold) != recorded and waited - wrote >= _WRITE_EVERY:
                    session.record_hold(str(hold))
                    recorded, wrote = str(hold), waited
                else:
                    session.look()
                self.looks += 1
                if self._max_wait and self._waited >= self._max_wait:
                    raise HeldTooLongError(
                        f"Backfill {session.name} was held for {self._waited:,.0f} s in all, the longest that max_wait "
                        f"allows; last by: {hold}. What was committed before stays, and it resumes there.",
                        hint=f"When the reason is gone: sluicegate backfill run {session.name}. See all signals with: "
                        f"sluicegate backfill health {session.name}",
                    )
                session.pause(_LOOK_EVERY)
                waited += _LOOK_EVERY
                self._waited += _LOOK_EVERY
                hold = self._held()
                if hold is not None and waited - said >= _SAY_EVERY:
                    said = waited
                    listener.note(f"held for {waited:,.0f} s now: {hold}")
        finally:
            if recorded is not None:
                session.forget_hold()
        listener.note(f"goes on after {waited:,.0f} s")

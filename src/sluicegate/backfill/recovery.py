"""What follows when a chunk fails: another try, a smaller chunk, a parked row, or the end of the run."""

from __future__ import annotations

import contextlib
import enum
from collections import Counter
from typing import TYPE_CHECKING

import psycopg

from sluicegate.backfill.control import try_move
from sluicegate.backfill.retry import Failure, classify
from sluicegate.backfill.session import BackfillFailedError
from sluicegate.backfill.states import RunState
from sluicegate.pg.connect import translated
from sluicegate.pg.errors import sqlstate_of, words_of
from sluicegate.store import runs

if TYPE_CHECKING:
    from collections.abc import Hashable

    from sluicegate.backfill.session import WorkerSession

PARKED_LIMIT = 100
"""So many parked rows are looked at before their share decides whether the run goes on."""

PARKED_SHARE = 0.5
"""More parked rows than this share of the written ones mean that the definition is wrong, not the rows."""


_NOT_PREPARED = ("26000", "42P05")
"""A pooler between us and the server mixes up prepared statements; then none are used."""


class Next(enum.Enum):
    """What to do about a chunk that failed."""

    AGAIN = "the waiting is over: try it again"
    LESS = "try it in halves; a single row is what cannot be written"


class Recovery:
    """Decides about failed chunks of one worker, and remembers how often each was tried."""

    def __init__(self, session: WorkerSession) -> None:
        """Begin with no failures."""
        self._session = session
        self._attempts: Counter[Hashable] = Counter()
        self._parked = 0
        self._written = 0

    def wrote(self, rows: int) -> None:
        """Count rows that were written; what failed before it has been overcome."""
        self._written += rows
        self._attempts.clear()

    def decide(self, chunk: Hashable, error: psycopg.Error) -> Next:
        """Roll back, wait where waiting helps, and say what to do with the chunk.

        Raises:
            BackfillFailedError: neither a second try nor a smaller chunk can help.
            LeaveError: this process was asked to stop.
            ServerError: the server is gone.
        """
        session = self._session
        session.rollback()
        if session.around.abandon():
            session.leave_if_asked()
        failure = classify(sqlstate_of(error))
        if sqlstate_of(error) is None and not session.connection.closed:
            failure = Failure.FATAL  # the driver refused it; the server never saw it
        if error.sqlstate in _NOT_PREPARED and session.connection.prepare_threshold is not None:
            session.connection.prepare_threshold = None
            return Next.AGAIN
        if session.connection.closed or failure in (Failure.LOST, Failure.TRANSIENT):
            self._attempts[chunk] += 1
            wait = session.around.backoff.wait(self._attempts[chunk], session.around.random)
            if wait is not None:
                session.around.listener.retrying(words_of(error), wait)
                if session.connection.closed or failure is Failure.LOST:
                    session.pause(wait)
                else:
                    with contextlib.suppress(psycopg.Error):  # what broke meanwhile is met again by the next try
                        session.rest(wait)
                if session.connection.closed or failure is Failure.LOST:
                    session.reconnect()
                return Next.AGAIN
            if failure is not Failure.TRANSIENT:
                # A chunk that costs the connection each time may be what brings the server down.
                session.reconnect()
                self.fail(words_of(error), "Read the server's log.", error)
        if failure is Failure.FATAL:
            self.fail(
                f"{words_of(error)} (SQLSTATE {error.sqlstate})", "Correct the definition or the database.", error
            )
        return Next.LESS

    def check_parked(self) -> None:
        """Count a parked row, and end the run when so many of them show that the rows are not to blame.

        Raises:
            BackfillFailedError: too many rows are parked.
        """
        self._parked += 1
        if self._parked < PARKED_LIMIT or self._parked <= PARKED_SHARE * self._written:
            return
        # The whole backfill decides: other workers write too, and a proof has only missing rows tried again.
        row = runs.get(self._session.connection, self._session.name)
        self._session.connection.commit()
        parked, written = (row.rows_parked, row.rows_written) if row else (self._parked, self._written)
        if parked > PARKED_SHARE * written:
            self.fail(
                f"{parked:,} rows could not be written, against {written:,} that could",
                "The reasons are in sluicegate.parked; correct the definition, then run it again.",
            )

    def fail(self, what: str, hint: str, cause: BaseException | None = None) -> None:
        """Record that the run failed, so that the other workers stop too.

        Raises:
            BackfillFailedError: always.
        """
        session = self._session
        session.rollback()
        with translated(f"recording the failure of backfill {session.name}"), session.connection.transaction():
            try_move(session.connection, session.name, RunState.FAILED, actor=session.owner, error=what)
        raise BackfillFailedError(
            f"Backfill {session.name} failed: {what}. What was committed before stays, and it resumes there.",
            hint=f"{hint} Then: sluicegate backfill run {session.name}",
        ) from cause

"""Run a backfill: check, join the other workers, work off what is planned, and say how it ended."""

from __future__ import annotations

import contextlib
from dataclasses import dataclass
from typing import TYPE_CHECKING

import psycopg

from sluicegate.backfill import preflight
from sluicegate.backfill.beginning import Beginning, DefinitionChangedError, others
from sluicegate.backfill.control import try_move
from sluicegate.backfill.definition import HighWatermark, LoadedBackfill
from sluicegate.backfill.lease import owner_name
from sluicegate.backfill.pace import Pace
from sluicegate.backfill.recovery import Recovery
from sluicegate.backfill.session import LeaveError, Surroundings, WorkerSession
from sluicegate.backfill.states import ON_REQUEST, REACHED, RunState
from sluicegate.backfill.throttle.gate import Gate, HeldTooLongError
from sluicegate.backfill.throttle.watch import Watch
from sluicegate.backfill.tracking.sidecar import PendingKeys
from sluicegate.backfill.tracking.watermark import Kind, Ranges, Step
from sluicegate.errors import SluicegateError
from sluicegate.pg.connect import translated
from sluicegate.store import runs

if TYPE_CHECKING:
    from collections.abc import Callable

    from sluicegate.backfill.statements import Statements
    from sluicegate.settings.throttle import Limits
    from sluicegate.store.runs import Connection

__all__ = ["DefinitionChangedError", "Outcome", "Pace", "run", "statements_for"]

_WAIT = 0.1  # seconds between two looks at what other workers hold
_LOOK = 0.5  # seconds between two looks at how many workers are wanted


@dataclass(frozen=True, slots=True)
class Outcome:
    """How a worker's share of a run ended.

    Attributes:
        state: where the backfill stands now.
        interrupted: whether this worker left because its process was asked to stop.
        worked: whether there was anything to do.
    """

    state: RunState
    interrupted: bool = False
    worked: bool = True


def run(
    loaded: LoadedBackfill,
    url: str,
    pace: Pace,
    around: Surroundings,
    *,
    restart: bool = False,
    analyze: bool = False,
    keep_proof: bool = False,
    limits: Limits | None = None,
    watch: Watch | None = None,
    joined: Callable[[], None] = lambda: None,
    owner: str | None = None,
    counted: tuple[int, int] | None = None,
) -> Outcome:
    """Work on a backfill until it is finished, fails, or this process is asked to stop; any number may do so at once.

    Args:
        loaded: the backfill.
        url: the target database.
        pace: the settings in force.
        around: the world outside.
        restart: forget the plan and take over a changed definition; rows that are done stay done.
        analyze: collect the table's statistics first.
        keep_proof: leave the proof as it is, because what is worked off now came after it.
        limits: when the throttle holds the run; None for never.
        watch: what asks the throttle's signals already, for workers that share it; then ``limits`` is not looked at.
        joined: called once this worker is one of the run's.
        owner: how it is named in leases and audit; host and process unless given.
        counted: how many rows are owed work and how many of them have it, for whoever asks how far the run is.

    Raises:
        UsageError: the database or the definition is not as it must be.
        BackfillFailedError: a chunk cannot be done.
        HeldTooLongError: the throttle held it for longer than the limits allow.
        LeaseLostError: this worker was taken for dead.
        ServerError: the server went away and stayed away.
    """
    session = WorkerSession(
        url,
        loaded.name,
        owner=owner or owner_name(),
        lease_seconds=pace.lease,
        batch_size=pace.batch_size,
        sleep=pace.sleep,
        around=around,
    )
    session.target_seconds = pace.target_seconds
    try:
        with contextlib.ExitStack() as stack:
            if watch is None and limits is not None:
                watch = stack.enter_context(Watch(loaded, url, limits))
            gate = Gate(watch.hold, session, watch.max_wait) if watch is not None else None
            return _Run(loaded, session, pace, gate, keep_proof=keep_proof, counted=counted).run(
                restart=restart, analyze=analyze, joined=joined
            )
    finally:
        session.close()


class _Run:
    """One worker's way through a backfill."""

    def __init__(
        self,
        loaded: LoadedBackfill,
        session: WorkerSession,
        pace: Pace,
        gate: Gate | None,
        *,
        keep_proof: bool,
        counted: tuple[int, int] | None,
    ) -> None:
        self._loaded, self._session, self._gate = loaded, session, gate
        self._beginning = Beginning(loaded, session, pace, keep_proof=keep_proof, counted=counted)
        self._recovery = Recovery(session)

    def run(self, *, restart: bool, analyze: bool, joined: Callable[[], None]) -> Outcome:
        session = self._session
        with translated(f"preparing backfill {self._loaded.name}"):
            checked = self._beginning.prepare(restart=restart, analyze=analyze)
            session.statements = checked.statements
            if not self._beginning.owes_work():
                return Outcome(self._state(), worked=False)
            session.lease.acquire(session.connection)
            try:
                self._beginning.start(checked)
            except LeaveError as leaving:
                return self._leave(leaving)
        joined()
        try:
            while True:
                for part in self._parts():
                    self._work_off(part)
                with translated(f"finishing backfill {self._loaded.name}"):
                    ended = self._finish()
                if ended is not None:
                    return Outcome(ended)
        except LeaveError as leaving:
            return self._leave(leaving)
        except HeldTooLongError:
            with contextlib.suppress(SluicegateError):
                self._leave(LeaveError(RunState.INTERRUPTED))
            raise
        except KeyboardInterrupt:
            with contextlib.suppress(SluicegateError):
                self._leave(LeaveError(RunState.INTERRUPTED))
            raise

    def _state(self) -> RunState:
        row = runs.get(self._session.connection, self._session.name)
        self._session.connection.commit()
        return RunState(row.state) if row else RunState.PLANNED

    def _parts(self) -> list[Ranges | PendingKeys]:
        session, statements = self._session, self._session.statements
        watermark = isinstance(self._loaded.definition.tracking, HighWatermark)
        work = statements.apply if watermark else statements.enumerate
        ranges: list[Ranges | PendingKeys] = [
            Ranges(session, self._recovery, kind, work, writes=watermark, eager=True)
            for kind in (Kind.RANGE, Kind.REQUEUE)
        ]
        return ranges if watermark else [*ranges, PendingKeys(session, self._recovery)]

    def _work_off(self, part: Ranges | PendingKeys) -> None:
        session = self._session
        while True:
            session.leave_if_asked()
            self._stand_back(part)
            self._pass_throttle(part)
            step = part.step()
            if step is Step.DONE:
                return
            if step is Step.WAIT:
                session.pause(_WAIT)
            elif step is Step.WORKED and session.sleep and self._more(part):
                self._rest(session.sleep * part.share)

    def _rest(self, seconds: float) -> None:
        try:
            self._session.rest(seconds)
        except psycopg.Error as error:
            self._recovery.decide("rest", error)

    def _stand_back(self, part: Ranges | PendingKeys) -> None:
        """Wait while more workers are at work than are wanted, and this one came last."""
        session = self._session
        if not session.surplus:
            return
        if isinstance(part, Ranges):
            part.release()
        session.around.listener.note(f"stands by as {session.owner}: no more workers are wanted")
        while session.surplus:
            try:
                session.record_hold("stands by: fewer workers are wanted")
                session.pause(_LOOK)
                session.look()
            except psycopg.Error as error:
                self._recovery.decide("surplus", error)
        session.forget_hold()

    def _pass_throttle(self, part: Ranges | PendingKeys) -> None:
        """Wait while the throttle says so, without a transaction open."""
        gate = self._gate
        while gate is not None and gate.closed():
            if isinstance(part, Ranges):
                part.release()
            try:
                gate.wait()
            except psycopg.Error as error:
                self._recovery.decide(("throttle", gate.looks), error)

    def _more(self, part: Ranges | PendingKeys) -> bool:
        try:
            return part.more()
        except psycopg.Error as error:
            self._recovery.decide("pause", error)
            return True

    def _finish(self) -> RunState | None:
        """Close the run; of several workers, one does it and the others find it done. None: there is work again."""
        session, connection = self._session, self._session.connection
        with connection.transaction():
            row = runs.lock(connection, session.name)
            counts = [session.execute("chunk_open", kind=kind).fetchone() or (0, 0) for kind in Kind]
            if any(failed for _pending, failed in counts):
                # A worker died between giving a chunk up and saying so.
                try_move(connection, row.name, RunState.FAILED, actor=session.owner, error="a chunk was given up")
                return RunState.FAILED
            if row.state == RunState.RUNNING and any(pending for pending, _failed in counts):
                return None  # parked rows were put back, or a worker died, after we had looked
            target = RunState.FINISHED_WITH_PARKED if row.rows_parked else RunState.FINISHED
            if try_move(connection, row.name, target, actor=session.owner):
                return target
            if RunState(row.state) in ON_REQUEST:
                raise LeaveError(RunState(row.state))
            return RunState(row.state)

    def _leave(self, leaving: LeaveError) -> Outcome:
        """Stop before the end; the last worker to leave says so in the state."""
        session, connection = self._session, self._session.connection
        session.rollback()
        session.lease.stop()
        with translated(f"leaving backfill {session.name}"), connection.transaction():
            row = runs.lock(connection, session.name)
            session.execute("lease_release")  # under the lock: of workers that leave together, the last finds none
            reached = REACHED.get(RunState(row.state))
            if (
                reached is not None
                and not others(session)
                and try_move(connection, row.name, reached, actor=session.owner)
            ):
                return Outcome(reached, interrupted=leaving.state is RunState.INTERRUPTED)
            return Outcome(RunState(row.state), interrupted=leaving.state is RunState.INTERRUPTED)


def statements_for(loaded: LoadedBackfill, connection: Connection) -> Statements:
    """Return the statements of a backfill, fitted to the server, without starting it.

    Raises:
        PreflightError: the database is not as the backfill needs it.
    """
    checked = preflight.inspect(connection, loaded.definition)
    connection.commit()
    return checked.statements

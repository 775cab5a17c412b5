"""Run a backfill: check, join the other workers, work off what is planned, and say how it ended."""

from __future__ import annotations

import contextlib
from dataclasses import dataclass
from typing import TYPE_CHECKING

import psycopg

from sluicegate.backfill import preflight, writers
from sluicegate.backfill.chunks import Range
from sluicegate.backfill.control import move, try_move
from sluicegate.backfill.definition import HighWatermark, LoadedBackfill
from sluicegate.backfill.lease import owner_name
from sluicegate.backfill.recovery import Recovery
from sluicegate.backfill.session import LeaveError, Surroundings, WorkerSession
from sluicegate.backfill.statements import bound_parameters
from sluicegate.backfill.states import RunState, StateError
from sluicegate.backfill.throttle.gate import Gate, HeldTooLongError
from sluicegate.backfill.throttle.watch import Watch
from sluicegate.backfill.tracking.sidecar import PendingKeys
from sluicegate.backfill.tracking.watermark import Kind, Ranges, Step
from sluicegate.errors import SluicegateError, UsageError
from sluicegate.pg.connect import translated
from sluicegate.store import completeness, runs, schema
from sluicegate.store.queries import statement

if TYPE_CHECKING:
    from sluicegate.backfill.chunks import Bound
    from sluicegate.backfill.preflight import Preflight
    from sluicegate.backfill.statements import Statements
    from sluicegate.settings.throttle import Limits
    from sluicegate.store.runs import Connection, RunRow

_WAIT = 0.1  # seconds between two looks at what other workers hold


@dataclass(frozen=True, slots=True)
class Pace:
    """The operational settings in force.

    Attributes:
        batch_size: keys in a chunk.
        sleep: seconds between two chunks.
        lease: seconds of silence after which a worker counts as dead.
        wait_for_writers: how many seconds to wait for transactions that write to the table when a run begins.
    """

    batch_size: int
    sleep: float
    lease: float
    wait_for_writers: float = 0.0


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


class DefinitionChangedError(UsageError):
    """The definition is not the one that the finished chunks were written by."""


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

    Raises:
        UsageError: the database or the definition is not as it must be.
        BackfillFailedError: a chunk cannot be done.
        HeldTooLongError: the throttle held it for longer than the limits allow.
        LeaseLostError: this worker was taken for dead.
        ServerError: the server went away and stayed away.
    """
    session = WorkerSession(
        url, loaded.name, owner=owner_name(), lease_seconds=pace.lease, batch_size=pace.batch_size, around=around
    )
    try:
        with contextlib.ExitStack() as stack:
            watch = stack.enter_context(Watch(loaded, url, limits)) if limits is not None else None
            gate = Gate(watch.hold, session, watch.max_wait) if watch is not None else None
            return _Run(loaded, session, pace, gate, keep_proof=keep_proof).run(restart=restart, analyze=analyze)
    finally:
        session.close()


class _Run:
    """One worker's way through a backfill."""

    def __init__(
        self, loaded: LoadedBackfill, session: WorkerSession, pace: Pace, gate: Gate | None, *, keep_proof: bool
    ) -> None:
        self._loaded, self._session, self._pace, self._keep_proof = loaded, session, pace, keep_proof
        self._gate = gate
        self._recovery = Recovery(session)

    def run(self, *, restart: bool, analyze: bool) -> Outcome:
        session = self._session
        with translated(f"preparing backfill {self._loaded.name}"):
            checked = self._prepare(restart=restart, analyze=analyze)
            session.statements = checked.statements
            if not self._owes_work():
                return Outcome(self._state(), worked=False)
            session.lease.acquire(session.connection)
            try:
                self._start(checked)
            except LeaveError as leaving:
                return self._leave(leaving)
        try:
            for part in self._parts():
                self._work_off(part)
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
        with translated(f"finishing backfill {self._loaded.name}"):
            return Outcome(self._finish())

    def _prepare(self, *, restart: bool, analyze: bool) -> Preflight:
        connection, loaded, definition = self._session.connection, self._loaded, self._loaded.definition
        schema.require(connection)
        checked = preflight.inspect(connection, definition)
        connection.commit()
        if not checked.analysed:
            self._analyze(checked, wanted=analyze)
        self._require_verified(connection)
        with connection.transaction():
            runs.execute(
                connection,
                "backfill_create",
                name=loaded.name,
                number=loaded.number,
                revision=definition.revision,
                fingerprint=definition.fingerprint,
                key_types=checked.key_types,
                batch_size=self._pace.batch_size,
                sleep=self._pace.sleep,
            )
            runs.execute(connection, "frontier_create", name=loaded.name)
            row = runs.lock(connection, loaded.name)
            if restart:
                self._restart(row, checked)
            else:
                self._check_unchanged(row, checked)
        return checked

    def _analyze(self, checked: Preflight, *, wanted: bool) -> None:
        table = self._loaded.definition.table
        if not wanted:
            self._session.around.listener.note(
                f"{table} has no statistics, so the server may plan chunks badly; --analyze collects them first."
            )
            return
        with self._session.connection.transaction():
            self._session.connection.execute("SET LOCAL statement_timeout = 0")
            self._session.connection.execute(checked.statements.analyze())

    def _require_verified(self, connection: Connection) -> None:
        """Refuse to start before the backfills that this one builds on are proved."""
        after = self._loaded.definition.after
        open_ones = connection.execute(statement("backfill_unverified"), {"wanted": list(after)}).fetchall()
        connection.commit()
        if open_ones:
            wanted, name, state = open_ones[0]
            what = f"{name} is {RunState(state).meaning}" if name else f"{wanted} has never run here"
            raise UsageError(
                f"Backfill {self._loaded.name} comes after {wanted}, and {what}.",
                hint=f"First: sluicegate backfill run {name or wanted}; sluicegate backfill verify {name or wanted}",
            )

    def _check_unchanged(self, row: RunRow, checked: Preflight) -> None:
        what = None
        if row.fingerprint != self._loaded.definition.fingerprint:
            what = f"{self._loaded.path} was changed since this backfill began"
        elif row.key_types != checked.key_types:
            what = f"the key was ({', '.join(row.key_types)}) and is ({', '.join(checked.key_types)}) now"
        if what:
            raise DefinitionChangedError(
                f"Backfill {row.name}: {what}, so what is finished and what is left are not of one kind.",
                hint=f"Take the change over, and skip rows that are done: sluicegate backfill run {row.name} --restart",
            )

    def _restart(self, row: RunRow, checked: Preflight) -> None:
        session, connection, definition = self._session, self._session.connection, self._loaded.definition
        if self._others():
            raise StateError(
                f"Backfill {row.name} is {RunState(row.state).meaning}, and workers are on it or were a moment ago.",
                hint="Stop them with Ctrl-C or SIGTERM; a worker that was killed counts as dead when its lease ends.",
            )
        for query in ("chunk_clear", "parked_clear", "frontier_clear", "frontier_create"):
            runs.execute(connection, query, name=row.name)
        runs.execute(
            connection,
            "backfill_restart",
            name=row.name,
            fingerprint=definition.fingerprint,
            key_types=checked.key_types,
        )
        completeness.forget(connection, row.name)
        runs.audit(connection, row.name, session.owner, "restarted", f"definition {definition.fingerprint}")

    def _others(self) -> bool:
        """Whether any other worker may still write: it is within its lease, or silent with its transaction open."""
        session = self._session
        session.lease.take_over(session.connection)
        return bool(runs.leases(session.connection, session.name, besides=session.lease.epoch))

    def _owes_work(self) -> bool:
        """Tell whether a run has anything to do: keys above the last bound, or chunks that are open."""
        session = self._session
        row = runs.get(session.connection, session.name)
        if row is None or row.state not in (RunState.FINISHED, RunState.VERIFIED):
            session.connection.commit()
            return True
        beyond = Range(_bound(row.upper_bound), None)
        new = session.connection.execute(session.statements.has_keys(beyond), bound_parameters(beyond)).fetchone()
        opened = session.execute("chunk_open", kind=Kind.REQUEUE).fetchone()
        found = [new, opened]
        if not isinstance(self._loaded.definition.tracking, HighWatermark):
            found.append(session.connection.execute(session.statements.sidecar_pending()).fetchone())
        session.connection.commit()
        return any(row and row[0] for row in found)

    def _state(self) -> RunState:
        row = runs.get(self._session.connection, self._session.name)
        self._session.connection.commit()
        return RunState(row.state) if row else RunState.PLANNED

    def _start(self, checked: Preflight) -> None:
        """Begin the run, or join the one that is going on."""
        session, connection = self._session, self._session.connection
        top = connection.execute(checked.statements.upper()).fetchone()
        connection.commit()
        settled = self._settled()
        with connection.transaction():
            row = runs.lock(connection, session.name)
            runs.execute(
                connection, "backfill_pace", name=row.name, batch_size=self._pace.batch_size, sleep=self._pace.sleep
            )
            if row.state == RunState.RUNNING:
                runs.audit(connection, row.name, session.owner, "joined", f"epoch {session.lease.epoch}")
                if self._others() and row.upper_bound is not None:
                    return
            else:
                move(connection, row.name, RunState.RUNNING, actor=session.owner, detail=f"epoch {session.lease.epoch}")
            # Nobody else works on it: take up what was given up or parked, and what came in since the last bound.
            runs.execute(connection, "chunk_reopen", name=row.name)
            runs.execute(connection, "parked_clear", name=row.name)
            runs.execute(connection, "backfill_unpark", name=row.name)
            if not self._keep_proof:
                runs.execute(connection, "backfill_unprove", name=row.name)
            if not isinstance(self._loaded.definition.tracking, HighWatermark):
                connection.execute(checked.statements.sidecar_reopen())
            if top is not None and list(top) != row.upper_bound:
                runs.execute(connection, "backfill_bound", name=row.name, upper=list(top))
                runs.execute(connection, "frontier_reopen", name=row.name)
                # From here on the plan answers for every row up to the bound, if it did for those before.
                if settled and (
                    row.upper_bound is None or completeness.floor(connection, row.name) == _bound(row.upper_bound)
                ):
                    completeness.settle(connection, row.name, top)

    def _settled(self) -> bool:
        """Wait for whoever was writing when the bound was read; tell whether all of them have ended.

        The run goes on without those that last too long: what they commit below the bound is for the proof to find.
        """
        session, definition = self._session, self._loaded.definition
        row = runs.get(session.connection, session.name)
        session.connection.commit()
        if row is not None and row.state == RunState.RUNNING and self._others():
            return False  # the run has its bound
        wait = self._pace.wait_for_writers
        return writers.settled(session.connection, definition, wait, session.pause, session.around.listener.note)

    def _parts(self) -> list[Ranges | PendingKeys]:
        session, statements = self._session, self._session.statements
        watermark = isinstance(self._loaded.definition.tracking, HighWatermark)
        work = statements.apply if watermark else statements.enumerate
        ranges: list[Ranges | PendingKeys] = [
            Ranges(session, self._recovery, kind, work, writes=watermark, eager=not self._pace.sleep)
            for kind in (Kind.RANGE, Kind.REQUEUE)
        ]
        return ranges if watermark else [*ranges, PendingKeys(session, self._recovery)]

    def _work_off(self, part: Ranges | PendingKeys) -> None:
        session = self._session
        while True:
            session.leave_if_asked()
            self._pass_throttle(part)
            step = part.step()
            if step is Step.DONE:
                return
            if step is Step.WAIT:
                session.pause(_WAIT)
            elif step is Step.WORKED and self._pace.sleep and self._more(part):
                session.pause(self._pace.sleep)

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

    def _finish(self) -> RunState:
        """Close the run; of several workers, one does it and the others find it done."""
        session, connection = self._session, self._session.connection
        with connection.transaction():
            row = runs.lock(connection, session.name)
            failed = [session.execute("chunk_open", kind=kind).fetchone() for kind in Kind]
            if any(found and any(found) for found in failed):
                # A worker died between giving a chunk up and saying so.
                try_move(connection, row.name, RunState.FAILED, actor=session.owner, error="a chunk was given up")
                return RunState.FAILED
            target = RunState.FINISHED_WITH_PARKED if row.rows_parked else RunState.FINISHED
            if try_move(connection, row.name, target, actor=session.owner):
                return target
            return RunState(row.state)

    def _leave(self, leaving: LeaveError) -> Outcome:
        """Stop before the end; the last worker to leave says so in the state."""
        session, connection = self._session, self._session.connection
        session.rollback()
        with translated(f"leaving backfill {session.name}"), connection.transaction():
            row = runs.lock(connection, session.name)
            reached = {
                RunState.PAUSING: RunState.PAUSED,
                RunState.CANCELLING: RunState.CANCELLED,
                RunState.RUNNING: RunState.INTERRUPTED,
            }.get(RunState(row.state))
            if (
                reached is not None
                and not self._others()
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


def _bound(values: list[str] | None) -> Bound | None:
    return None if values is None else tuple(values)

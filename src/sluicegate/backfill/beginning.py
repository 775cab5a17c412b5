"""How a worker begins: check the database and the definition, take up what is left, or join those that work already."""

from __future__ import annotations

from typing import TYPE_CHECKING

from sluicegate.backfill import preflight, writers
from sluicegate.backfill.chunks import Range
from sluicegate.backfill.control import move
from sluicegate.backfill.definition import HighWatermark
from sluicegate.backfill.session import LeaveError, Told
from sluicegate.backfill.statements import bound_parameters
from sluicegate.backfill.states import NEXT, ON_REQUEST, RunState, StateError
from sluicegate.backfill.tracking.watermark import Kind
from sluicegate.errors import UsageError
from sluicegate.store import completeness, runs, schema
from sluicegate.store.queries import statement

if TYPE_CHECKING:
    from sluicegate.backfill.chunks import Bound
    from sluicegate.backfill.definition import LoadedBackfill
    from sluicegate.backfill.pace import Pace
    from sluicegate.backfill.preflight import Preflight
    from sluicegate.backfill.session import WorkerSession
    from sluicegate.store.runs import Connection, RunRow


class DefinitionChangedError(UsageError):
    """The definition is not the one that the finished chunks were written by."""


def others(session: WorkerSession) -> bool:
    """Whether any other worker may still write: it is within its lease, or silent with its transaction open."""
    session.lease.take_over(session.connection)
    return bool(runs.leases(session.connection, session.name, besides=session.lease.epoch))


class Beginning:
    """One worker's way into a run."""

    def __init__(
        self,
        loaded: LoadedBackfill,
        session: WorkerSession,
        pace: Pace,
        *,
        keep_proof: bool,
        counted: tuple[int, int] | None = None,
    ) -> None:
        """Prepare; ``keep_proof`` leaves the proof as it is, ``counted`` are the rows owed and done."""
        self._counted = counted
        self._loaded, self._session, self._pace, self._keep_proof = loaded, session, pace, keep_proof

    def prepare(self, *, restart: bool, analyze: bool) -> Preflight:
        """Check everything that would keep this worker from working, and record the backfill if it is new.

        Raises:
            UsageError: the database, the definition or the backfill's state does not allow it.
        """
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
            self._refuse_on_request(row)
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

    def _refuse_on_request(self, row: RunRow) -> None:
        """Stay out where somebody asked for it, also when a scheduler starts the run again."""
        state = RunState(row.state)
        if state not in ON_REQUEST:
            return
        who = runs.latest_event(self._session.connection, row.name, state)
        since = f" since {who.at:%Y-%m-%d %H:%M:%S %Z}, by {who.actor}" if who else ""
        raise StateError(
            f"Backfill {row.name} is {state.meaning}{since}; no worker begins there.",
            hint=NEXT[state].format(name=row.name),
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
        if others(self._session):
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

    def owes_work(self) -> bool:
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

    def start(self, checked: Preflight) -> None:
        """Begin the run, or join the one that is going on."""
        session, connection = self._session, self._session.connection
        top = connection.execute(checked.statements.upper()).fetchone()
        connection.commit()
        settled = self._settled()
        with connection.transaction():
            row = runs.lock(connection, session.name)
            if RunState(row.state) in ON_REQUEST:
                raise LeaveError(RunState(row.state))
            if row.state == RunState.RUNNING:
                runs.audit(connection, row.name, session.owner, "joined", f"epoch {session.lease.epoch}")
                if others(self._session) and row.upper_bound is not None:
                    return
            else:
                move(connection, row.name, RunState.RUNNING, actor=session.owner, detail=f"epoch {session.lease.epoch}")
            self._set_pace(row)
            if self._counted is not None:
                owed, done = self._counted
                runs.execute(connection, "backfill_figures", name=row.name, owed=owed, done=done)
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

    def _set_pace(self, row: RunRow) -> None:
        """Have this worker's settings hold for the run; those of the run before, and what was tuned then, end here."""
        pace = self._pace
        before, now = Told(row.batch_size, row.sleep, row.workers), Told(pace.batch_size, pace.sleep, None)
        if row.started_at is not None and before != now:
            self._session.around.listener.note(f"begins with {now}; the run before ended with {before}")
        runs.execute(
            self._session.connection,
            "backfill_pace",
            name=row.name,
            batch_size=pace.batch_size,
            sleep=pace.sleep,
            workers=None,
        )

    def _settled(self) -> bool:
        """Wait for whoever was writing when the bound was read; tell whether all of them have ended.

        The run goes on without those that last too long: what they commit below the bound is for the proof to find.
        """
        session, definition = self._session, self._loaded.definition
        row = runs.get(session.connection, session.name)
        session.connection.commit()
        going_on = row is not None and row.state == RunState.RUNNING and others(session)
        session.connection.commit()  # what is locked from here on must be free again before the first chunk
        if going_on:
            return False  # the run has its bound
        wait = self._pace.wait_for_writers
        return writers.settled(session.connection, definition, wait, session.pause, session.around.listener.note)


def _bound(values: list[str] | None) -> Bound | None:
    return None if values is None else tuple(values)

"""A worker's connection: short timeouts, exact texts for keys, a fence in every transaction, a way back after loss."""

from __future__ import annotations

import contextlib
import sys
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import psycopg

from sluicegate.backfill.lease import Lease, LeaseLostError
from sluicegate.backfill.retry import Backoff
from sluicegate.backfill.states import RunState
from sluicegate.errors import ServerError, SluicegateError
from sluicegate.pg.connect import connect, translated
from sluicegate.store.queries import statement

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from psycopg import sql

    from sluicegate.backfill.progress import ChunkRecord, Listener
    from sluicegate.backfill.statements import Statements
    from sluicegate.pg.pooled import ServerConnection
    from sluicegate.store.runs import Connection


class LeaveError(Exception):
    """Not an error of the run: this worker stops here because the backfill is no longer running, or was asked to."""

    def __init__(self, state: RunState) -> None:
        """Build it with the state that was found, or INTERRUPTED when this process was asked to stop."""
        self.state = state
        super().__init__(state)


class BackfillFailedError(SluicegateError):
    """A backfill could not go on."""


@dataclass(frozen=True, slots=True)
class Surroundings:
    """What a worker needs from outside, so that tests can stand in for it.

    Attributes:
        sleep: waits for some seconds.
        random: a source of numbers in [0, 1).
        stop: whether this process was asked to stop after the chunk in hand.
        listener: who shows the run to people.
        backoff: the waiting times between attempts.
        outage: the waiting times between attempts to reach the server again, which may take a failover.
        abandon: whether the chunk in hand is to be rolled back, not finished.
        record: told every chunk that was committed.
        connected: given the connection that chunks are written by, whenever it is a new one.
    """

    sleep: Callable[[float], None]
    random: Callable[[], float]
    stop: Callable[[], bool]
    listener: Listener
    backoff: Backoff = field(default_factory=Backoff)
    outage: Backoff = field(default_factory=lambda: Backoff(attempts=40))
    abandon: Callable[[], bool] = lambda: False
    record: Callable[[ChunkRecord], None] = lambda _record: None
    connected: Callable[[Connection], None] = lambda _connection: None


@dataclass(frozen=True, slots=True)
class Told:
    """What the database tells a worker before each chunk.

    Attributes:
        batch_size: keys in a chunk.
        sleep: seconds between two chunks.
        workers: how many workers may work at a time; None for any number.
    """

    batch_size: int
    sleep: float
    workers: int | None

    def __str__(self) -> str:
        workers = "" if self.workers is None else f", at most {self.workers} workers"
        return f"{self.batch_size:,} keys a chunk, {self.sleep:g} s between chunks{workers}"


def open_session(url: str, name: str, lease_seconds: float) -> ServerConnection:
    """Open a connection for chunks: it never waits long for a lock, and never keeps a transaction open in silence.

    Raises:
        ServerError: the server cannot be reached.
    """
    connection = connect(
        url,
        autocommit=False,
        application_name=f"sluicegate backfill {name}",
        settings={
            # Keys travel as text; these are the forms that read back as exactly the same value.
            "DateStyle": "ISO, YMD",
            "IntervalStyle": "postgres",
            "extra_float_digits": "1",
            "bytea_output": "hex",
            # A chunk waits two seconds for the application, and no longer.
            "lock_timeout": "2s",
            "statement_timeout": "5min",
            # A stopped process must not hold its chunk's locks for longer than its lease.
            "idle_in_transaction_session_timeout": str(max(200, int(lease_seconds * 1000))),
            # Compiling a plan costs more than running it on ten thousand rows.
            "jit": "off",
        },
    )
    if not connection.pooled:
        # Statements are prepared where we say so, and never by count: the author's must be planned for each chunk.
        connection.prepare_threshold = sys.maxsize
    return connection


class WorkerSession:
    """One worker on one backfill: its connection, its lease, and what every transaction of it begins with."""

    def __init__(
        self,
        url: str,
        name: str,
        *,
        owner: str,
        lease_seconds: float,
        batch_size: int,
        around: Surroundings,
        sleep: float = 0.0,
    ) -> None:
        """Connect.

        Raises:
            ServerError: the server cannot be reached.
        """
        self.name, self.owner, self.batch_size, self.around = name, owner, batch_size, around
        self.sleep = sleep
        self.surplus = False
        self._told: Told | None = None
        self._wal: str | None = None
        self.lease = Lease(url, name, owner, lease_seconds)
        self._open: Callable[[], ServerConnection] = lambda: open_session(url, name, lease_seconds)
        self.connection: Connection = self._open()
        around.connected(self.connection)
        self._server = self._which_server()
        self.statements: Statements
        self.target_seconds = 0.0

    @property
    def identity(self) -> dict[str, Any]:
        """The parameters that nearly every statement of the ledger takes."""
        return {"name": self.name, "epoch": self.lease.epoch, "owner": self.owner, "wal_from": self._wal}

    def begin(
        self, query: bytes | sql.Composed, parameters: Mapping[str, Any], *, by_index: bool = False
    ) -> tuple[Any, ...] | None:
        """Begin a transaction with the fence and a claim, in one round trip; return the claim's row.

        Args:
            query: the claim.
            parameters: the claim's.
            by_index: have the claim walk an index, whatever the planner thinks; what follows is planned as ever.

        Raises:
            LeaseLostError: others took this worker for dead.
            LeaveError: the backfill is not running.
        """
        if self.lease.lost:
            self.refuse()
        with self.connection.pipeline():
            fence, claim = self.opening(query, parameters, by_index=by_index)
            fenced, row = fence.fetchone(), claim.fetchone()
        if fenced is None:
            self.rollback()
            self.refuse()
        elif fenced[0] != RunState.RUNNING:
            self.rollback()
            raise LeaveError(RunState(fenced[0]))
        else:
            self.heed(fenced)
        return row

    def heed(self, fenced: tuple[Any, ...]) -> None:
        """Take over what the fence tells: the settings in force, which may be new, and the WAL's end."""
        _state, batch_size, sleep, workers, ahead, self._wal, _commits = fenced
        self.surplus = workers is not None and ahead >= workers
        told = Told(batch_size, sleep, workers)
        if told != self._told:
            # Only a change is taken over, so that a size that follows the time of chunks is left alone.
            if self._told is not None or (batch_size, sleep) != (self.batch_size, self.sleep):
                self.around.listener.note(f"goes on with {told}")
            self._told, self.batch_size, self.sleep = told, batch_size, sleep

    def opening(
        self, query: bytes | sql.Composed, parameters: Mapping[str, Any], *, by_index: bool = False
    ) -> tuple[psycopg.Cursor[tuple[Any, ...]], psycopg.Cursor[tuple[Any, ...]]]:
        """Send what every transaction begins with, inside a pipeline; return the fence's cursor and the claim's."""
        # A chunk's rows and its record are kept or lost together, so a chunk need not wait for the disk: after a
        # crash of the server the last few are done again. Leases and moves from state to state do wait
        # (PostgreSQL 18 manual, 28.4 "Asynchronous Commit"). The fence turns the wait off for its transaction.
        fence = self.execute("lease_fence")
        if by_index:
            self.execute("by_index")
        claim = self.connection.execute(query, parameters, prepare=isinstance(query, bytes))
        if by_index:
            self.execute("by_any")
        return fence, claim

    def look(self) -> None:
        """Look whether this worker may go on, without doing anything.

        Raises:
            LeaseLostError, LeaveError: as ``begin`` does.
        """
        self.begin(b"SELECT 1", {})
        self.connection.commit()

    def rest(self, seconds: float) -> None:
        """Wait as ``pause`` does, and notice within a second what others ask of this worker, or change.

        Raises:
            LeaseLostError, LeaveError: as ``begin`` does.
            psycopg.Error: the connection broke.
        """
        waited, sleep = 0.0, self.sleep
        while waited < seconds and self.sleep == sleep:
            step = min(seconds - waited, 1.0)
            self.pause(step)
            waited += step
            if waited < seconds:
                self.look()

    def record_hold(self, reason: str) -> None:
        """Record why this worker waits, for whoever asks for the status.

        Raises:
            LeaseLostError, LeaveError: as ``begin`` does.
        """
        self.begin(statement("lease_hold"), {**self.identity, "reason": reason})
        self.connection.commit()

    def forget_hold(self) -> None:
        """Record that this worker does not wait any more, where the connection allows it."""
        with contextlib.suppress(psycopg.Error):
            self.rollback()
            self.execute("lease_go_on")
            self.connection.commit()

    def refuse(self) -> None:
        """Say that this worker may not write.

        Raises:
            LeaseLostError: always.
        """
        raise LeaseLostError(
            f"Worker {self.owner} was silent for longer than its lease on backfill {self.name}, and others took it for "
            "dead; it has written nothing since.",
            hint=f"See where it stands with: sluicegate backfill status {self.name}",
        )

    def execute(self, query: str, **parameters: Any) -> psycopg.Cursor[tuple[Any, ...]]:
        """Run one of the named statements with this worker's identity; the server plans it once."""
        return self.connection.execute(statement(query), {**self.identity, **parameters}, prepare=True)

    def rollback(self) -> None:
        """Give up the transaction; a broken connection has given it up already."""
        with contextlib.suppress(psycopg.Error):
            self.connection.rollback()

    def pause(self, seconds: float) -> None:
        """Wait, but not longer than it takes to notice that this process should stop.

        Raises:
            LeaveError: it should.
        """
        remaining = seconds
        while remaining > 0 and not self.around.stop():
            step = min(remaining, 0.2)
            self.around.sleep(step)
            remaining -= step
        self.leave_if_asked()

    def leave_if_asked(self) -> None:
        """Stop here when this process was asked to.

        Raises:
            LeaveError: it was.
        """
        if self.around.stop():
            raise LeaveError(RunState.INTERRUPTED)

    def reconnect(self) -> None:
        """Come back after the connection broke; the lease holds as long as its heartbeat got through.

        Raises:
            ServerError: the server stayed away.
            LeaveError: this process was asked to stop meanwhile.
        """
        with contextlib.suppress(psycopg.Error):
            self.connection.close()
        attempt = 1
        while True:
            try:
                self.connection = self._open()
                self._same_server()
            except ServerError as error:
                self.disconnect()
                wait = self.around.outage.wait(attempt, self.around.random)
                if wait is None:
                    raise
                attempt += 1
                self.around.listener.retrying(error.message, wait)
                self.pause(wait)
            else:
                self.around.connected(self.connection)
                return

    def disconnect(self) -> None:
        """Drop the connection, whatever state it is in."""
        with contextlib.suppress(psycopg.Error):
            self.connection.close()

    def _which_server(self) -> tuple[str, int] | None:
        """Return cluster and timeline of the server; None where it does not say, or takes no writes anyway."""
        try:
            row = self.connection.execute(statement("server_identity")).fetchone()
        except psycopg.errors.InsufficientPrivilege:
            row = None
        self.connection.rollback()
        return None if row is None or row[0] else (str(row[1]), int(row[2]))

    def _same_server(self) -> None:
        """Refuse a server that is not the one, or not the latest one, that was written to before.

        After a failover the same address may lead to a standby, or to the old primary, whose rows nobody will keep.

        Raises:
            ServerError: it is not.
        """
        if self._server is None:
            return
        with translated("asking which server this is"):
            found = self._which_server()
        if found is None:
            raise ServerError("This server takes no writes now: it is a standby, or read-only.", sqlstate="25006")
        cluster, timeline = found
        if cluster != self._server[0]:
            raise ServerError(
                f"This is another cluster: its system identifier is {cluster}, and was {self._server[0]} before.",
                hint="Look where the database's address leads to.",
            )
        if timeline < self._server[1]:
            raise ServerError(
                f"This server was left behind by a failover: its timeline is {timeline}, and was {self._server[1]} "
                "before.",
                hint="Shut the old primary down, and let the address lead to the new one.",
            )
        self._server = found

    def close(self) -> None:
        """Leave the backfill and the server."""
        self.rollback()
        self.lease.release(self.connection)
        with contextlib.suppress(psycopg.Error):
            self.connection.commit()
            self.connection.close()

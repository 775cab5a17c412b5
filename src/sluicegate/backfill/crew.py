"""Several workers in one process: each with its own connection and lease, one of them failing without the others."""

from __future__ import annotations

import contextlib
import queue
import threading
import time
from dataclasses import replace
from typing import TYPE_CHECKING

import psycopg

from sluicegate.backfill import engine
from sluicegate.backfill.lease import owner_name
from sluicegate.backfill.states import RunState
from sluicegate.backfill.throttle.watch import Watch
from sluicegate.errors import ServerError, SluicegateError
from sluicegate.pg.connect import connect
from sluicegate.store.queries import statement

if TYPE_CHECKING:
    from sluicegate.backfill.chunks import Bound
    from sluicegate.backfill.definition import LoadedBackfill
    from sluicegate.backfill.engine import Outcome, Pace
    from sluicegate.backfill.progress import ChunkRecord, Listener
    from sluicegate.backfill.session import Surroundings
    from sluicegate.settings.throttle import Limits
    from sluicegate.store.runs import Connection

_TICK = 0.05  # seconds between two looks at the workers; a signal is handled between them
_ASK_EVERY = 1.0  # seconds between two looks at how many workers are wanted
_PATIENCE = 5.0  # seconds for workers to roll back when that was asked for

LIMIT = 64
"""No process starts more workers than this."""


class _OneAtATime:
    """A listener that several workers may tell at once."""

    def __init__(self, listener: Listener) -> None:
        self._listener, self._lock = listener, threading.Lock()

    def chunk(self, rows: int, keys: Bound | None) -> None:
        with self._lock:
            self._listener.chunk(rows, keys)

    def parked(self, key: Bound, reason: str) -> None:
        with self._lock:
            self._listener.parked(key, reason)

    def retrying(self, reason: str, wait: float) -> None:
        with self._lock:
            self._listener.retrying(reason, wait)

    def note(self, text: str) -> None:
        with self._lock:
            self._listener.note(text)


class Crew:
    """The workers of one process on one backfill."""

    def __init__(
        self,
        loaded: LoadedBackfill,
        url: str,
        pace: Pace,
        around: Surroundings,
        *,
        limits: Limits | None = None,
        counted: tuple[int, int] | None = None,
    ) -> None:
        """Prepare.

        Args:
            loaded: the backfill.
            url: the target database.
            pace: the settings in force.
            around: the world outside; its listener and recorder are told by one worker at a time.
            limits: when the throttle holds the run; the workers share what asks.
            counted: how many rows are owed work, and how many of them have it.
        """
        self._loaded, self._url, self._pace, self._limits = loaded, url, pace, limits
        self._counted = counted
        self._abandoned = threading.Event()
        lock = threading.Lock()

        def record(chunk: ChunkRecord) -> None:
            with lock:
                around.record(chunk)

        self._around = replace(
            around,
            listener=_OneAtATime(around.listener),
            record=record,
            stop=lambda: around.stop() or self._abandoned.is_set(),
            abandon=self._abandoned.is_set,
            connected=self._connect,
        )
        self._connections: dict[int, Connection] = {}
        self._threads: list[threading.Thread] = []
        self._ends: queue.SimpleQueue[Outcome | BaseException] = queue.SimpleQueue()
        self._joined = threading.Event()

    def run(self, workers: int, *, restart: bool = False, analyze: bool = False) -> Outcome:
        """Work until every worker has ended; return how the run stands then.

        The first worker begins alone, since it plans anew and collects statistics if asked to; the others join it. When
        more workers are wanted than there are (``tune``), more are started.

        Raises:
            SluicegateError: a worker failed, and the others could not finish the run without it.
            KeyboardInterrupt: the chunks in hand were to be rolled back.
        """
        with contextlib.ExitStack() as stack:
            watch = None
            if self._limits is not None:
                watch = stack.enter_context(Watch(self._loaded, self._url, self._limits))
            self._start(watch, restart=restart, analyze=analyze)
            try:
                self._look_after(workers, watch)
            except BaseException:
                self._abandon()
                raise
        return self._outcome()

    def _connect(self, connection: Connection) -> None:
        self._connections[threading.get_ident()] = connection

    def _start(self, watch: Watch | None, *, restart: bool = False, analyze: bool = False) -> None:
        number = len(self._threads) + 1
        owner = owner_name() if number == 1 else f"{owner_name()}/{number}"

        def work() -> None:
            try:
                end: Outcome | BaseException = engine.run(
                    self._loaded,
                    self._url,
                    self._pace,
                    self._around,
                    restart=restart,
                    analyze=analyze,
                    watch=watch,
                    joined=self._joined.set,
                    owner=owner,
                    counted=self._counted,
                )
            except BaseException as error:  # noqa: BLE001 - it is raised again by whoever waits for the workers
                end = error
                if any(other.is_alive() for other in self._threads if other is not threading.current_thread()):
                    words = error.message if isinstance(error, SluicegateError) else repr(error)
                    self._around.listener.note(f"worker {owner} ended early, the others go on: {words}")
            self._ends.put(end)

        thread = threading.Thread(target=work, name=f"worker {number}", daemon=True)
        self._threads.append(thread)
        thread.start()

    def _look_after(self, workers: int, watch: Watch | None) -> None:
        """Start the others once the first has joined, and more when more are wanted, until all have ended."""
        wanted = _Wanted(self._url, self._loaded.name)
        started, asked = False, time.monotonic()
        try:
            while any(thread.is_alive() for thread in self._threads):
                time.sleep(_TICK)
                if self._joined.is_set() and not started:
                    started = True
                    for _ in range(workers - 1):
                        self._start(watch)
                    asked = time.monotonic()
                elif started and not self._around.stop() and time.monotonic() - asked >= _ASK_EVERY:
                    asked = time.monotonic()
                    if wanted.more() and len(self._threads) < LIMIT:
                        self._start(watch)
        finally:
            wanted.close()

    def _abandon(self) -> None:
        """Have the chunks in hand rolled back, and give the workers a moment to say so."""
        self._abandoned.set()
        deadline = time.monotonic() + _PATIENCE
        while any(thread.is_alive() for thread in self._threads) and time.monotonic() < deadline:
            for connection in list(self._connections.values()):
                with contextlib.suppress(psycopg.Error):
                    connection.cancel_safe(timeout=1)
            time.sleep(_TICK)

    def _outcome(self) -> Outcome:
        ends: list[Outcome | BaseException] = []
        while not self._ends.empty():
            ends.append(self._ends.get())
        errors = [end for end in ends if isinstance(end, BaseException)]
        outcomes = [end for end in ends if not isinstance(end, BaseException)]
        finished = [end for end in outcomes if end.state in (RunState.FINISHED, RunState.FINISHED_WITH_PARKED)]
        if errors and not finished:
            raise errors[0]
        last = (finished or outcomes)[-1]
        return replace(
            last, worked=any(end.worked for end in outcomes), interrupted=any(end.interrupted for end in outcomes)
        )


class _Wanted:
    """Asks, once in a while, whether more workers are wanted than there are."""

    def __init__(self, url: str, name: str) -> None:
        self._url, self._name = url, name
        self._connection: Connection | None = None

    def more(self) -> bool:
        try:
            if self._connection is None or self._connection.closed:
                self._connection = connect(
                    self._url,
                    application_name=f"sluicegate crew {self._name}",
                    settings={"statement_timeout": "5s"},
                )
            row = self._connection.execute(statement("workers_wanted"), {"name": self._name}).fetchone()
        except (psycopg.Error, ServerError):
            self.close()
            return False
        return bool(row and row[0])

    def close(self) -> None:
        if self._connection is not None:
            with contextlib.suppress(psycopg.Error):
                self._connection.close()
            self._connection = None


def run(
    loaded: LoadedBackfill,
    url: str,
    pace: Pace,
    around: Surroundings,
    *,
    workers: int = 1,
    restart: bool = False,
    analyze: bool = False,
    limits: Limits | None = None,
    counted: tuple[int, int] | None = None,
) -> Outcome:
    """Work on a backfill with several workers; otherwise as ``engine.run``."""
    return Crew(loaded, url, pace, around, limits=limits, counted=counted).run(
        workers, restart=restart, analyze=analyze
    )

"""Ask the signals once a second on a connection of its own, so that no chunk waits for the answers."""

from __future__ import annotations

import contextlib
import threading
import time
from typing import TYPE_CHECKING, Self

import psycopg

from sluicegate.backfill.throttle.decision import Decision
from sluicegate.backfill.throttle.model import Reading, Signal, Verdict
from sluicegate.backfill.throttle.questions import Questions, ThrottleError
from sluicegate.errors import ServerError
from sluicegate.pg.connect import connect, translated
from sluicegate.pg.errors import words_of

if TYPE_CHECKING:
    from collections.abc import Callable
    from types import TracebackType

    from sluicegate.backfill.definition import LoadedBackfill
    from sluicegate.backfill.throttle.model import Hold
    from sluicegate.settings.throttle import Limits
    from sluicegate.store.runs import Connection

_PATIENCE = 15.0  # seconds besides the interval: connecting may take ten


_MISTAKES = ("(SQLSTATE 42", "(SQLSTATE 25006)", "must return")
"""What an answer holds when no time will make it better: wrong names, writing, results of another kind."""


def open_watch(url: str, name: str) -> Connection:
    """Open a connection for questions: none of them may take long.

    Raises:
        ServerError: the server cannot be reached.
    """
    return connect(
        url,
        application_name=f"sluicegate throttle {name}",
        settings={"lock_timeout": "1s", "statement_timeout": "5s"},
    )


class Watch:
    """A thread that keeps the decision whether a backfill may go on; any number of workers may ask it."""

    def __init__(
        self, loaded: LoadedBackfill, url: str, limits: Limits, *, clock: Callable[[], float] = time.monotonic
    ) -> None:
        """Prepare; entering the context asks for the first time and starts the thread.

        Raises:
            ThrottleError: the policy's query is none.
        """
        self._name, self._url, self._limits, self._clock = loaded.name, url, limits, clock
        self._questions = Questions(loaded.name, loaded.definition, limits)
        self._decision = Decision(limits.settle, limits.resume_at, limits.interval + _PATIENCE)
        self._lock = threading.Lock()
        self._stopping = threading.Event()
        self._thread = threading.Thread(target=self._keep_asking, name=f"throttle {loaded.name}", daemon=True)
        self._connection: Connection | None = None

    @property
    def max_wait(self) -> float:
        """Seconds for which a run may be held in all; 0 for any time."""
        return self._limits.max_wait

    def hold(self) -> Hold | None:
        """Return why no chunk may begin now; None when one may."""
        if not self._questions.signals:
            return None
        with self._lock:
            return self._decision.at(self._clock())

    def __enter__(self) -> Self:
        """Ask for the first time, then once every interval.

        Raises:
            ThrottleError: a signal cannot be asked for as long as nobody grants or corrects something.
            ServerError: the server cannot be reached.
        """
        if self._questions.signals:
            self._connection = open_watch(self._url, self._name)
            try:
                with translated(f"asking the signals of backfill {self._name}"):
                    self._questions.require_privileges(self._connection)
                    readings = self._questions.ask(self._connection, self._clock())
                _refuse_what_stays(readings)
            except BaseException:
                self._disconnect()
                raise
            self._decision.update(readings, self._clock())
            self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Stop asking."""
        self._stopping.set()
        if self._thread.is_alive():
            self._thread.join(timeout=10)
        else:
            self._disconnect()

    def _keep_asking(self) -> None:
        while not self._stopping.wait(self._limits.interval):
            readings = self._ask()
            with self._lock:
                self._decision.update(readings, self._clock())
        self._disconnect()

    def _ask(self) -> list[Reading]:
        try:
            if self._connection is None:
                self._connection = open_watch(self._url, self._name)
            return self._questions.ask(self._connection, self._clock())
        except ServerError as error:
            return [Reading(Signal.SERVER, error=error.message)]
        except psycopg.Error as error:
            self._disconnect()
            return [Reading(Signal.SERVER, error=f"{words_of(error).rstrip('.')}.")]
        except Exception as error:  # noqa: BLE001 - the thread must not die: the run would be held without a reason
            return [Reading(Signal.SERVER, error=f"sluicegate itself failed: {error!r}.")]

    def _disconnect(self) -> None:
        if self._connection is not None:
            with contextlib.suppress(psycopg.Error):
                self._connection.close()
            self._connection = None


def _refuse_what_stays(readings: list[Reading]) -> None:
    """Refuse to start where waiting cannot help: a mistake in a query, a privilege that is missing."""
    for reading in readings:
        words = reading.error or ""
        if reading.verdict() is Verdict.UNKNOWN and any(mistake in words for mistake in _MISTAKES):
            raise ThrottleError(
                f"The throttle's signal {reading.signal} cannot be told: {words}",
                hint=reading.cure or "Correct [backfill.throttle] in the policy, or switch the signal off by its name.",
            )

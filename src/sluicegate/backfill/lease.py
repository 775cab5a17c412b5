"""A worker's right to write: a row with an epoch, renewed by a heartbeat, that others take when it falls silent."""

from __future__ import annotations

import contextlib
import os
import socket
import threading
from typing import TYPE_CHECKING, Self

import psycopg

from sluicegate.errors import ServerError, SluicegateError
from sluicegate.pg.connect import connect
from sluicegate.store import runs
from sluicegate.store.queries import statement

if TYPE_CHECKING:
    from types import TracebackType

    from sluicegate.store.runs import Connection


class LeaseLostError(SluicegateError):
    """This worker was silent for longer than its lease; others took it for dead, and it may not write any more."""


def owner_name() -> str:
    """Return how this process is named in leases and audit: ``host:pid``."""
    return f"{socket.gethostname()}:{os.getpid()}"


class Lease:
    """The lease of one worker on one backfill, with a thread that renews it on a connection of its own."""

    def __init__(self, url: str, name: str, owner: str, seconds: float) -> None:
        """Prepare a lease; entering the context acquires it."""
        self._url, self._name, self._owner, self._seconds = url, name, owner, seconds
        self._stopping = threading.Event()
        self._thread = threading.Thread(target=self._beat, name=f"heartbeat {name}", daemon=True)
        self.lost = False
        self.epoch = 0

    def acquire(self, connection: Connection) -> None:
        """Register as a worker and begin to send heartbeats."""
        with connection.transaction():
            row = connection.execute(statement("lease_epoch"), {"name": self._name}).fetchone()
            if row is None:
                raise LookupError(f"backfill {self._name} has no row")
            self.epoch = int(row[0])
            parameters = {"name": self._name, "epoch": self.epoch, "owner": self._owner, "seconds": self._seconds}
            connection.execute(statement("lease_take"), parameters)
        self.take_over(connection)
        self._thread.start()

    def take_over(self, connection: Connection) -> None:
        """Take the leases of workers that fell silent, so that nothing they still hold in hand can be written."""
        with connection.transaction():
            parameters = {"name": self._name, "epoch": self.epoch}
            for epoch, owner, expired in connection.execute(statement("lease_take_over"), parameters).fetchall():
                detail = f"worker {owner} (epoch {epoch}) was silent; its lease ended at {expired:%Y-%m-%d %H:%M:%S%z}"
                runs.audit(connection, self._name, self._owner, "lease taken over", detail)

    def release(self, connection: Connection) -> None:
        """Leave; a connection that is gone takes nothing with it but the row, which then expires."""
        self.stop()
        with contextlib.suppress(psycopg.Error):
            runs.execute(connection, "lease_release", name=self._name, epoch=self.epoch)

    def stop(self) -> None:
        """End the heartbeats."""
        self._stopping.set()
        if self._thread.is_alive():
            self._thread.join(timeout=5)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()

    def _beat(self) -> None:
        connection: Connection | None = None
        while not self._stopping.wait(self._seconds / 4):
            try:
                if connection is None or connection.closed:
                    connection = connect(
                        self._url,
                        application_name=f"sluicegate heartbeat {self._name}",
                        settings={"lock_timeout": "2s", "statement_timeout": "5s"},
                    )
                parameters = {"name": self._name, "epoch": self.epoch, "seconds": self._seconds}
                if connection.execute(statement("lease_renew"), parameters).rowcount == 0:
                    self.lost = True
                    break
                self.take_over(connection)
            except (psycopg.Error, ServerError):
                # The next beat tries again; when none gets through in time, the lease ends and the fence says so.
                if connection is not None:
                    connection.close()
                    connection = None
        if connection is not None:
            connection.close()

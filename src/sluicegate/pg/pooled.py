"""A connection that works behind a transaction pooler as it does without one: it keeps nothing in the session."""

from __future__ import annotations

import contextlib
from types import MappingProxyType
from typing import TYPE_CHECKING, Any

import psycopg
from psycopg.pq import TransactionStatus
from psycopg.rows import TupleRow

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping


class ServerConnection(psycopg.Connection[TupleRow]):
    """A connection of ours.

    A pooler such as PgBouncer in transaction mode gives each transaction another session of the server. What a client
    sets for its session is lost there, or worse, found by somebody else. So behind one, the settings are made anew at
    the start of each transaction, for that transaction only; a direct connection makes them once.

    Attributes:
        pooled: whether something between us and the server pools connections.
    """

    pooled: bool = False
    _settings: Mapping[str, str] = MappingProxyType({})

    def begin_with(self, settings: Mapping[str, str]) -> None:
        """Make the settings (name → value), once for a direct connection and for each transaction behind a pooler.

        Raises:
            psycopg.Error: the server refuses one of them.
        """
        if not settings:
            return
        # A pooler hands out keys for cancelling of its own, and so another process id than the session's.
        row = super().execute("SELECT pg_catalog.pg_backend_pid()").fetchone()
        self.pooled = row is not None and row[0] != self.info.backend_pid
        if self.pooled:
            self._settings = settings
            with self.transaction():
                pass  # a setting that the server refuses is refused here
        else:
            super().execute(*_made(settings, local=False))

    def keep(self, name: str, value: str) -> None:
        """Make one more setting for the rest of this connection's life.

        Raises:
            psycopg.Error: the server refuses it.
        """
        if not self.pooled:
            super().execute(*_made({name: value}, local=False))
            return
        self._settings = {**self._settings, name: value}
        if self.pgconn.transaction_status == TransactionStatus.INTRANS:
            self._settle()

    def execute(self, query: Any, params: Any = None, **options: Any) -> psycopg.Cursor[TupleRow]:
        """Run a statement, with the settings also where it is a transaction of its own or begins one."""
        if not self._unsettled():
            cursor = super().execute(query, params, **options)
            if self._settings and query in ("BEGIN", "COMMIT AND CHAIN"):
                self._settle()
            return cursor
        if self.autocommit:
            with self.transaction():
                return super().execute(query, params, **options)
        return super().execute(query, params, **options)

    def cursor(self, *args: Any, **options: Any) -> Any:
        """Return a cursor; behind a pooler the transaction that it works in begins here."""
        if self._unsettled() and not self.autocommit:
            self._settle()
        return super().cursor(*args, **options)

    @contextlib.contextmanager
    def transaction(self, *args: Any, **options: Any) -> Iterator[psycopg.Transaction]:
        """Begin a transaction, or a savepoint within one."""
        with super().transaction(*args, **options) as transaction:
            if self._settings:
                self._settle()
            yield transaction

    def _unsettled(self) -> bool:
        return bool(self._settings) and self.pgconn.transaction_status == TransactionStatus.IDLE

    def _settle(self) -> None:
        query, values = _made(self._settings, local=True)
        super().cursor().execute(query, values)


def keep_setting(connection: psycopg.Connection[TupleRow], name: str, value: str) -> None:
    """Make a setting for the rest of a connection's life, whoever opened it."""
    if isinstance(connection, ServerConnection):
        connection.keep(name, value)
    else:
        connection.execute("SELECT pg_catalog.set_config(%s, %s, false)", (name, value))


def _made(settings: Mapping[str, str], *, local: bool) -> tuple[bytes, list[object]]:
    """Return the one statement that makes all settings, and its values."""
    one = b"pg_catalog.set_config(%s, %s, %s)"
    values: list[object] = [value for name, text in settings.items() for value in (name, text, local)]
    return b"SELECT " + b", ".join([one] * len(settings)), values

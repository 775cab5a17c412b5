"""Run one statement on a server and say what it did, in the type that prediction uses.

Every signal comes from the transaction that runs the statement: the locks its backend holds, the files its relations
have, the scans it counted and what it said while working.
"""

from __future__ import annotations

import time
from dataclasses import dataclass
from typing import TYPE_CHECKING

import psycopg

from sluicegate.dryrun.difference import difference, held, invalid_indexes
from sluicegate.dryrun.notices import Notices
from sluicegate.dryrun.observation import Observation, forbidden, parsed, rejected
from sluicegate.dryrun.outside import trace_outside
from sluicegate.dryrun.relations import State, foreign_key_tables, read_state
from sluicegate.pg.connect import translated

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from psycopg.rows import TupleRow

    from sluicegate.effects.model import Effects
    from sluicegate.statements.parse import Statement

_SAVEPOINT = "sluicegate_observe"


@dataclass(frozen=True, slots=True)
class Before:
    """What was read just before a statement."""

    state: State
    wal: int | None
    started: float


class Observer:
    """Reads a connection's state before and after a statement, inside one transaction."""

    def __init__(self, connection: psycopg.Connection[TupleRow]) -> None:
        self._connection = connection
        self._notices = Notices()

    def watch(
        self, statements: Sequence[Statement], execute: Callable[[], object]
    ) -> tuple[Observation, psycopg.Error | None]:
        """Let ``execute`` run a statement on the connection and return what it showed.

        Args:
            statements: what runs, parsed, to tell emptying a table from rewriting it; empty if it cannot be parsed.
            execute: runs it; the transaction in progress is not ended by it.

        Returns:
            What was seen, and the error if the server rejected the statement; then the transaction is aborted.

        Raises:
            psycopg.Error: the connection broke, or the state could not be read.
        """
        row = self._connection.execute("SELECT pg_catalog.current_setting('client_min_messages')").fetchone()
        before = Before(read_state(self._connection), self._wal(), time.perf_counter())
        # The setting is restored only where the statement succeeds; a rollback restores it by itself.
        self._connection.execute("SELECT pg_catalog.set_config('client_min_messages', 'debug1', false)")
        with self._notices.listening(self._connection):
            started = time.perf_counter()
            try:
                execute()
            except psycopg.Error as error:
                if self._connection.closed or error.sqlstate is None:
                    raise
                seconds = time.perf_counter() - started
                return Observation(rejected(error, statements), held(before.state), seconds), error
            seconds = time.perf_counter() - started
        if not _sets_verbosity(statements):
            self._connection.execute("SELECT pg_catalog.set_config('client_min_messages', %s, false)", row)
        return self._finish(before, statements, seconds), None

    def _finish(self, before: Before, statements: Sequence[Statement], seconds: float) -> Observation:
        wal = self._wal()
        after = read_state(self._connection)
        validated = foreign_key_tables(self._connection, self._notices.validated_foreign_keys())
        reasons = self._notices.rewrite_reasons()
        return Observation(
            effects=difference(before.state, after, statements, validated=validated, reasons=reasons),
            held=held(before.state),
            seconds=seconds,
            wal_bytes=None if wal is None or before.wal is None else wal - before.wal,
            notices=self._notices.telling(),
            invalid_indexes=invalid_indexes(before.state, after),
        )

    def _wal(self) -> int | None:
        row = self._connection.execute(
            "SELECT CASE WHEN pg_catalog.pg_is_in_recovery() THEN NULL"
            " ELSE (pg_catalog.pg_current_wal_insert_lsn() - '0/0')::bigint END"
        ).fetchone()
        return None if row is None else row[0]


def observe(
    connection: psycopg.Connection[TupleRow], sql: str, *, keep: bool = False, disposable: bool = False
) -> Effects:
    """Run SQL on a connection and return what it did to the relations that were there before.

    See ``trace`` for the arguments and errors; this returns its ``effects`` only.
    """
    return trace(connection, sql, keep=keep, disposable=disposable).effects


def trace(
    connection: psycopg.Connection[TupleRow], sql: str, *, keep: bool = False, disposable: bool = False
) -> Observation:
    """Run SQL inside a transaction and return what it showed.

    A statement that the server rejects gives ``effects.error``, and the transaction in progress can go on.

    Args:
        connection: an open connection. If a transaction is in progress it stays open; otherwise one is opened and
            ended here.
        sql: one statement, or several that are taken as one.
        keep: leave the change in place (committed, if the transaction was opened here) instead of undoing it.
        disposable: the database is a clone, so that a statement which runs only outside a transaction block may be
            run for real, if no transaction is in progress. Otherwise it is not run, ``in_transaction`` is FORBIDDEN
            and the certainty UNKNOWN.

    Raises:
        ServerError: the connection broke, or the state around the statement could not be read.
    """
    statements = parsed(sql)
    nested = connection.info.transaction_status != psycopg.pq.TransactionStatus.IDLE
    with translated("observing a statement"):
        connection.execute(f"SAVEPOINT {_SAVEPOINT}" if nested else "BEGIN")
        try:
            observation, error = Observer(connection).watch(statements, lambda: connection.execute(sql.encode()))
        except BaseException:
            if not connection.closed:
                _undo(connection, nested)
            raise
        if keep and error is None:
            connection.execute(f"RELEASE SAVEPOINT {_SAVEPOINT}" if nested else "COMMIT")
        else:
            _undo(connection, nested)
    if error is not None and forbidden(error, statements) and disposable and not nested and connection.autocommit:
        return trace_outside(connection, statements, lambda: _one_by_one(connection, sql, statements))[0]
    return observation


def _one_by_one(connection: psycopg.Connection[TupleRow], sql: str, statements: Sequence[Statement]) -> None:
    """Send several statements separately: as one text they would be one transaction block."""
    for text in [statement.sql for statement in statements] or [sql]:
        connection.execute(text.encode())


def _sets_verbosity(statements: Sequence[Statement]) -> bool:
    return any(s.kind == "variable_set_stmt" and s.node.name in ("client_min_messages", "") for s in statements)


def _undo(connection: psycopg.Connection[TupleRow], nested: bool) -> None:
    if nested:
        connection.execute(f"ROLLBACK TO SAVEPOINT {_SAVEPOINT}; RELEASE SAVEPOINT {_SAVEPOINT}")
    else:
        connection.execute("ROLLBACK")

"""Run a statement that the server accepts only outside a transaction block, and say what it did.

It cannot be undone, so it belongs on a clone.
"""

from __future__ import annotations

import time
from dataclasses import replace
from typing import TYPE_CHECKING

import psycopg

from sluicegate.dryrun.difference import difference, invalid_indexes
from sluicegate.dryrun.notices import Notices
from sluicegate.dryrun.observation import Method, Observation, rejected
from sluicegate.dryrun.obstacle import Obstacle
from sluicegate.dryrun.relations import State, read_state
from sluicegate.effects.model import Certainty, Effects, InTransaction, LockMode
from sluicegate.pg.connect import translated

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from psycopg.rows import TupleRow

    from sluicegate.statements.parse import Statement

_FLUSH_SINCE = 150000  # pg_stat_force_next_flush() came with PostgreSQL 15
_INCOMPLETE = "another session was in the way, so short locks may have been missed"


def trace_outside(
    connection: psycopg.Connection[TupleRow],
    statements: Sequence[Statement],
    execute: Callable[[], object],
) -> tuple[Observation, psycopg.Error | None]:
    """Let ``execute`` run a statement in autocommit, with obstacles in its way, and return what it showed.

    Locks weaker than ROW EXCLUSIVE are not reported: nothing can be put in their way. Index locks are not either.

    Args:
        connection: the autocommit connection on which ``execute`` runs the statement; no transaction is open.
        statements: what runs, parsed; empty if it cannot be parsed.
        execute: runs it.

    Returns:
        What was seen, and the error if the server rejected the statement.

    Raises:
        ServerError: the connection broke, or a second session could not be opened.
    """
    notices = Notices()
    first = LockMode.ShareLock
    if any(statement.kind == "reindex_stmt" for statement in statements) and not _concurrently(statements):
        first = LockMode.RowExclusiveLock  # it asks for SHARE, which would pass beside SHARE
    error: psycopg.Error | None = None
    with translated("observing a statement"):
        _flush(connection)
        before = read_state(connection, flushed=True)
        verbosity = connection.execute("SELECT pg_catalog.current_setting('client_min_messages')").fetchone()
        connection.execute("SET client_min_messages = debug1")
        obstacle = Obstacle(connection, before.relations, first, once=_vacuums(statements))
        with obstacle.standing(), notices.listening(connection):
            started = time.perf_counter()
            try:
                execute()
            except psycopg.Error as caught:
                if connection.closed or caught.sqlstate is None:
                    raise
                error = caught
            seconds = time.perf_counter() - started
        connection.execute("SELECT pg_catalog.set_config('client_min_messages', %s, false)", verbosity or ("notice",))
        _flush(connection)
        after = read_state(connection, flushed=True)
    if error is not None:
        effects = replace(rejected(error, statements), in_transaction=InTransaction.FORBIDDEN)
    else:
        locked = State(after.relations, {oid: frozenset(modes) for oid, modes in obstacle.seen.items()}, after.scans)
        effects = _effects(before, locked, statements, notices, complete=obstacle.complete)
    return (
        Observation(
            effects=effects,
            seconds=seconds,
            notices=notices.telling(),
            invalid_indexes=invalid_indexes(before, after),
            method=Method.BLOCKED,
        ),
        error,
    )


def _effects(
    before: State, after: State, statements: Sequence[Statement], notices: Notices, *, complete: bool
) -> Effects:
    found = difference(before, after, statements, reasons=notices.rewrite_reasons())
    return replace(
        found,
        # Weaker ones are only seen by chance, while the statement waits for something else.
        locks={name: mode for name, mode in found.locks.items() if mode >= LockMode.RowExclusiveLock},
        index_locks={},
        in_transaction=InTransaction.FORBIDDEN,
        certainty=Certainty.CERTAIN if complete else Certainty.UNKNOWN,
        unknowns=() if complete else (_INCOMPLETE,),
    )


def _flush(connection: psycopg.Connection[TupleRow]) -> None:
    """Make the server publish this session's scan counters at once instead of up to a second later."""
    if connection.info.server_version >= _FLUSH_SINCE:
        connection.execute("SELECT pg_catalog.pg_stat_force_next_flush()")


def _concurrently(statements: Sequence[Statement]) -> bool:
    return any(
        option.def_elem.defname == "concurrently"
        for statement in statements
        if statement.kind == "reindex_stmt"
        for option in statement.node.params
    )


def _vacuums(statements: Sequence[Statement]) -> bool:
    """Tell whether a plain VACUUM runs: it waits five seconds to cut a table's empty end off while others look on."""
    return any(
        statement.kind == "vacuum_stmt" and all(option.def_elem.defname != "full" for option in statement.node.options)
        for statement in statements
    )

"""Run one statement on a server and say what it did, in the type that prediction uses.

Every signal comes from the transaction that runs the statement: the locks its backend holds, the files its relations
have, the scans it counted and what it said while working.
"""

from __future__ import annotations

import enum
import time
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import psycopg

from sluicegate.dryrun.notices import Notices
from sluicegate.dryrun.relations import INDEX_KINDS, TABLE_FILES, State, foreign_key_tables, read_state
from sluicegate.effects.model import Certainty, Effects, InTransaction, LockMode, Refusal
from sluicegate.errors import ParseError
from sluicegate.pg.connect import translated
from sluicegate.pg.errors import words_of
from sluicegate.statements.parse import Statement, parse_script

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from psycopg.rows import TupleRow

_ACTIVE_TRANSACTION = "25001"
_SAVEPOINT = "sluicegate_observe"


class Method(enum.StrEnum):
    """How the effects became known."""

    IN_TRANSACTION = "read inside its own transaction"
    BLOCKED = "read from pg_locks while another session stood in its way"
    NOT_RUN = "not run"


@dataclass(frozen=True, slots=True)
class Observation:
    """What one run of a statement showed.

    Attributes:
        effects: the statement's own effects; ``locks`` are those it took itself.
        held: modes that the transaction already held on a relation before the statement. A mode that is held
            already cannot be seen being taken again.
        seconds: how long the server worked on it, measured at the client.
        wal_bytes: how much write-ahead log the server wrote meanwhile, all sessions together; None if not known.
        notices: the server's own words about what it read, rewrote, built or could skip.
        invalid_indexes: indexes that the statement left invalid.
        method: how the effects became known.
    """

    effects: Effects
    held: Mapping[str, frozenset[LockMode]] = field(default_factory=dict)
    seconds: float = 0.0
    wal_bytes: int | None = None
    notices: tuple[str, ...] = ()
    invalid_indexes: tuple[str, ...] = ()
    method: Method = Method.IN_TRANSACTION


@dataclass(frozen=True, slots=True)
class Before:
    """What was read just before a statement."""

    state: State
    wal: int | None
    started: float


class Observer:
    """Reads a connection's state before and after each statement that somebody else runs on it.

    The caller runs the statement between ``begin`` and ``finish`` on the same connection, inside one transaction.
    """

    def __init__(self, connection: psycopg.Connection[TupleRow]) -> None:
        self._connection = connection
        self.notices = Notices()

    def begin(self) -> Before:
        """Read the state before a statement."""
        state = read_state(self._connection)
        return Before(state, self._wal(), time.perf_counter())

    def finish(self, before: Before, statements: Sequence[Statement]) -> Observation:
        """Read the state after a statement that succeeded, and say what is different.

        Args:
            before: what ``begin`` returned.
            statements: the parsed text, to tell emptying a table from rewriting it; empty if it cannot be parsed.
        """
        seconds = time.perf_counter() - before.started
        wal = self._wal()
        after = read_state(self._connection)
        validated = foreign_key_tables(self._connection, self.notices.validated_foreign_keys())
        reasons = self.notices.rewrite_reasons()
        return Observation(
            effects=difference(before.state, after, statements, validated=validated, reasons=reasons),
            held=held(before.state),
            seconds=seconds,
            wal_bytes=None if wal is None or before.wal is None else wal - before.wal,
            notices=self.notices.telling(),
            invalid_indexes=invalid_indexes(before.state, after),
        )

    def _wal(self) -> int | None:
        row = self._connection.execute(
            "SELECT CASE WHEN pg_catalog.pg_is_in_recovery() THEN NULL"
            " ELSE (pg_catalog.pg_current_wal_insert_lsn() - '0/0')::bigint END"
        ).fetchone()
        return None if row is None else row[0]


def observe(connection: psycopg.Connection[TupleRow], sql: str, *, keep: bool = False) -> Effects:
    """Run SQL on a connection and return what it did to the relations that were there before.

    See ``trace`` for the arguments and errors; this returns its ``effects`` only.
    """
    return trace(connection, sql, keep=keep).effects


def trace(connection: psycopg.Connection[TupleRow], sql: str, *, keep: bool = False) -> Observation:
    """Run SQL inside a transaction and return what it showed.

    Args:
        connection: an open connection. If a transaction is in progress it stays open; otherwise one is opened and
            ended here.
        sql: one statement, or several that are taken as one.
        keep: leave the change in place (committed, if the transaction was opened here) instead of undoing it.

    A statement that the server rejects gives ``effects.error``, and the transaction in progress can go on. One that
    it does not accept inside a transaction block is not run: ``in_transaction`` is FORBIDDEN, the certainty UNKNOWN.

    Raises:
        ServerError: the connection broke, or the state around the statement could not be read.
    """
    statements = parsed(sql)
    observer = Observer(connection)
    nested = connection.info.transaction_status != psycopg.pq.TransactionStatus.IDLE
    with translated("observing a statement"):
        connection.execute(f"SAVEPOINT {_SAVEPOINT}" if nested else "BEGIN")
        try:
            row = connection.execute("SELECT current_setting('client_min_messages')").fetchone()
            before = observer.begin()
            refusal = run(connection, sql, observer.notices)
            if refusal is None:
                observation = observer.finish(before, statements)
            else:
                seconds = time.perf_counter() - before.started
                observation = Observation(rejected(refusal, statements), held(before.state), seconds)
        except BaseException:
            if not connection.closed:
                _undo(connection, nested)
            raise
        if keep and refusal is None:
            level = row[0] if row else "notice"
            connection.execute("SELECT pg_catalog.set_config('client_min_messages', %s, false)", (level,))
            connection.execute(f"RELEASE SAVEPOINT {_SAVEPOINT}" if nested else "COMMIT")
        else:
            _undo(connection, nested)
    return observation


def run(connection: psycopg.Connection[TupleRow], sql: str, notices: Notices) -> psycopg.Error | None:
    """Run SQL, listening to the server's reasons; return the error with which the server rejects it.

    Raises:
        psycopg.Error: the connection broke.
    """
    connection.execute("SELECT pg_catalog.set_config('client_min_messages', 'debug1', true)")
    with notices.listening(connection):
        try:
            connection.execute(sql.encode())
        except psycopg.Error as error:
            if connection.closed or error.sqlstate is None:
                raise
            return error
    return None


def parsed(sql: str) -> tuple[Statement, ...]:
    """Parse SQL for what observation wants to know; text that our grammar cannot read gives nothing."""
    try:
        return parse_script(sql)
    except ParseError:
        return ()


def rejected(error: psycopg.Error, statements: Sequence[Statement]) -> Effects:
    """Return the effects of a statement that the server rejected."""
    if forbidden(error, statements):
        return Effects(
            in_transaction=InTransaction.FORBIDDEN,
            certainty=Certainty.UNKNOWN,
            unknowns=("the statement runs only outside a transaction block, so it was not run",),
        )
    return Effects(error=Refusal(error.sqlstate or "", error.diag.message_primary or words_of(error)))


def forbidden(error: psycopg.Error, statements: Sequence[Statement]) -> bool:
    """Tell whether the server rejected a statement only because it is inside a transaction block."""
    # The same SQLSTATE answers a SET TRANSACTION that comes too late.
    late = any(statement.kind in ("variable_set_stmt", "transaction_stmt") for statement in statements)
    return error.sqlstate == _ACTIVE_TRANSACTION and not late


def held(state: State) -> dict[str, frozenset[LockMode]]:
    """Return the modes that a transaction holds on named relations."""
    return {state.relations[oid].name: modes for oid, modes in state.locks.items() if oid in state.relations}


def invalid_indexes(before: State, after: State) -> tuple[str, ...]:
    """Return the indexes that are invalid now and were not before."""
    return tuple(
        sorted(
            relation.name
            for relation in after.relations.values()
            if not relation.valid and (relation.oid not in before.relations or before.relations[relation.oid].valid)
        )
    )


def difference(
    before: State,
    after: State,
    statements: Sequence[Statement],
    *,
    validated: Iterable[tuple[int, int]] = (),
    reasons: Mapping[int, str] | None = None,
) -> Effects:
    """Say what happened between two states.

    Args:
        before: the state before the statement; only relations in it are reported, under the names they have there.
        after: the state after it, in the same transaction.
        statements: what ran, to tell emptying a table from rewriting it.
        validated: referencing and referenced table of each foreign key whose rows were checked.
        reasons: why tables were rewritten, by OID.
    """
    old = before.relations
    rewritten = {
        oid
        for oid, relation in old.items()
        if relation.kind in TABLE_FILES and oid in after.relations and after.relations[oid].file != relation.file
    }
    old_files = before.index_files()
    built = {
        relation.table
        for relation in after.relations.values()
        if relation.kind in INDEX_KINDS and relation.file and relation.file not in old_files and relation.table in old
    }
    scanned = {
        oid
        for oid, (sequential, by_index) in after.scans.items()
        if oid in old
        and (
            sequential > before.scans.get(oid, (0, 0))[0]
            or (oid in rewritten and by_index > before.scans.get(oid, (0, 0))[1])
        )
    }
    if empties(statements):
        scanned -= rewritten
    for pair in validated:
        scanned |= {leaf for oid in pair for leaf in after.leaves(oid) if leaf in old}
    locks: dict[str, LockMode] = {}
    index_locks: dict[str, LockMode] = {}
    for oid, modes in after.locks.items():
        new = modes - before.locks.get(oid, frozenset())
        if new and oid in old:
            target = index_locks if old[oid].kind in INDEX_KINDS else locks
            target[old[oid].name] = max(new)
    return Effects(
        locks=locks,
        index_locks=index_locks,
        rewrites=frozenset(old[oid].name for oid in rewritten),
        scans=frozenset(old[oid].name for oid in scanned),
        index_builds=frozenset(old[oid].name for oid in built if oid is not None),
        reasons={old[oid].name: reason for oid, reason in (reasons or {}).items() if oid in old},
    )


def empties(statements: Sequence[Statement]) -> bool:
    """Tell whether the statements give tables new, empty files: rebuilding their indexes reads nothing then."""
    return any(
        statement.kind == "truncate_stmt"
        or (statement.kind == "refresh_mat_view_stmt" and bool(statement.node.skip_data))
        for statement in statements
    )


def _undo(connection: psycopg.Connection[TupleRow], nested: bool) -> None:
    if nested:
        connection.execute(f"ROLLBACK TO SAVEPOINT {_SAVEPOINT}; RELEASE SAVEPOINT {_SAVEPOINT}")
    else:
        connection.execute("ROLLBACK")

"""Run statements for real, on a clone that is thrown away: CONCURRENTLY and autocommit blocks commit as they would."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from psycopg.pq import TransactionStatus

from sluicegate.dryrun.observation import Method, Observation, forbidden
from sluicegate.dryrun.observe import Observer
from sluicegate.dryrun.outside import trace_outside
from sluicegate.dryrun.tracer import GATE, Ran, Sent, calls, run_quietly
from sluicegate.effects.model import Effects, InTransaction, Refusal

if TYPE_CHECKING:
    from collections.abc import Callable

    import psycopg
    from psycopg.rows import TupleRow

GATE_CLOSED = "SG001"
"""The SQLSTATE with which ``sluicegate.require_backfill`` keeps a gate shut."""

_SERVER_WIDE = frozenset(
    {
        *("createdb_stmt", "dropdb_stmt", "alter_database_stmt", "alter_database_set_stmt", "alter_system_stmt"),
        *("create_table_space_stmt", "drop_table_space_stmt", "alter_table_space_options_stmt"),
        *("create_role_stmt", "alter_role_stmt", "alter_role_set_stmt", "drop_role_stmt", "grant_role_stmt"),
        *("create_subscription_stmt", "alter_subscription_stmt", "drop_subscription_stmt"),
    }
)
_KEEPS_TRANSACTION_AFTER_COMMIT = frozenset({"psycopg2", "psycopg2cffi", "asyncpg", "pg8000"})
"""Drivers that believe themselves in a transaction after the text COMMIT, so that what follows commits by itself."""

_GATE_SAVEPOINT = "sluicegate_gate"


class OnClone:
    """The way of a disposable database.

    Attributes:
        with_rows: whether the clone holds production's rows.
    """

    def __init__(self, *, with_rows: bool, server_is_ours: bool, driver: str | None = None) -> None:
        """Prepare.

        Args:
            with_rows: whether the clone holds production's rows.
            server_is_ours: whether the whole server goes away afterwards, so that roles and settings may change.
            driver: the driver that production uses, such as ``psycopg2``, which is also the default.
        """
        self.with_rows = with_rows
        self._server_is_ours = server_is_ours
        self._keeps_transaction = (driver or "psycopg2") in _KEEPS_TRANSACTION_AFTER_COMMIT

    def meant_for_autocommit(self, connection: psycopg.Connection[TupleRow]) -> bool:
        """Tell whether the connection is in autocommit right now."""
        return bool(connection.autocommit)

    def run_session_statement(self, connection: psycopg.Connection[TupleRow], sent: Sent) -> Ran:
        """Send it as it is; after a COMMIT in SQL go on as the project's own driver would."""
        ran = run_quietly(sent)
        ended = any(statement.kind == "transaction_stmt" for statement in sent.statements)
        idle = connection.info.transaction_status is TransactionStatus.IDLE
        if self._keeps_transaction and ran.error is None and ended and idle and not connection.autocommit:
            _begin_nothing_until_commit(connection)
        return ran

    def run(self, connection: psycopg.Connection[TupleRow], sent: Sent) -> Ran:
        """Run the statement as a real upgrade would."""
        if not self._server_is_ours and any(statement.kind in _SERVER_WIDE for statement in sent.statements):
            return Ran(
                Observation(Effects(), method=Method.NOT_RUN), note="not run: it would change the server, not the clone"
            )
        if calls(sent.statements, *GATE):
            return _open_gate(connection, sent)
        if connection.info.transaction_status is TransactionStatus.IDLE and connection.autocommit:
            return _run_alone(connection, sent)
        observation, error = Observer(connection).watch(sent.statements, sent.execute)
        if error is not None and forbidden(error, sent.statements):
            refusal = Refusal(error.sqlstate or "", error.diag.message_primary or "")
            effects = Effects(error=refusal, in_transaction=InTransaction.FORBIDDEN)
            observation = replace(observation, effects=effects)
        return Ran(observation, error)


def _run_alone(connection: psycopg.Connection[TupleRow], sent: Sent) -> Ran:
    """Run a statement of an autocommit block in a transaction of its own, unless the server refuses that."""
    connection.execute("BEGIN")
    observation, error = Observer(connection).watch(sent.statements, sent.execute)
    connection.execute("ROLLBACK" if error is not None else "COMMIT")
    if error is not None and forbidden(error, sent.statements):
        observation, error = trace_outside(connection, sent.statements, sent.execute)
    return Ran(observation, error)


def _open_gate(connection: psycopg.Connection[TupleRow], sent: Sent) -> Ran:
    """Ask the gate; a clone has no proof, so a closed one is passed, and that is said."""
    within = not connection.autocommit or connection.info.transaction_status is not TransactionStatus.IDLE
    if within:
        connection.execute(f"SAVEPOINT {_GATE_SAVEPOINT}")
    ran = run_quietly(sent)
    if ran.error is not None and ran.error.sqlstate == GATE_CLOSED:
        if within:
            connection.execute(f"ROLLBACK TO SAVEPOINT {_GATE_SAVEPOINT}")
        sent.execute_instead("SELECT ''::text")
        ran = Ran(Observation(Effects()), note="gate assumed open in the clone")
    if within and ran.error is None:
        connection.execute(f"RELEASE SAVEPOINT {_GATE_SAVEPOINT}")
    return ran


def _begin_nothing_until_commit(connection: psycopg.Connection[TupleRow]) -> None:
    """Leave the driver's BEGIN out until somebody asks the driver itself to commit or roll back."""
    connection.autocommit = True
    before = {"commit": connection.commit, "rollback": connection.rollback}

    def ending(name: str) -> Callable[[], None]:
        def end_and_begin_again() -> None:
            vars(connection).update(before)
            connection.autocommit = False
            before[name]()

        return end_and_begin_again

    vars(connection).update({name: ending(name) for name in before})

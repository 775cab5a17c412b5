"""Run statements inside one transaction that is always rolled back, on a database that somebody else uses too."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

import psycopg

from sluicegate.dryrun.observation import Method, Observation, forbidden
from sluicegate.dryrun.observe import Observer
from sluicegate.dryrun.tracer import Ran, Sent, run_quietly
from sluicegate.effects.model import Effects, InTransaction
from sluicegate.statements.nodes import deparse, wrap

if TYPE_CHECKING:
    from collections.abc import Iterator

    from psycopg.rows import TupleRow

    from sluicegate.statements.parse import Statement

_SAVEPOINT = "sluicegate_statement"
_NESTED = frozenset({"TRANS_STMT_SAVEPOINT", "TRANS_STMT_RELEASE", "TRANS_STMT_ROLLBACK_TO"})
_NOT_SENT = frozenset({"TRANS_STMT_BEGIN", "TRANS_STMT_START", "TRANS_STMT_COMMIT"})
_ENDS = "it would end the transaction, and the dry run with it"


class EndsTransaction(psycopg.ProgrammingError):
    """A statement that would end the transaction in which the dry run keeps everything; it was not sent."""


class OneTransaction:
    """The way of a database that must not change.

    Attributes:
        with_rows: the database holds whatever it holds.
        autocommit: set while the revision is inside ``autocommit_block()``, which cannot commit here.
    """

    with_rows = True

    def __init__(self) -> None:
        self.autocommit = False
        self._limits: dict[str, int] = {}

    def keep_limits(self, connection: psycopg.Connection[TupleRow]) -> None:
        """Take the timeouts that the session has now for the longest that a revision may ask for."""
        self._limits = _timeouts(connection)

    def meant_for_autocommit(self, connection: psycopg.Connection[TupleRow]) -> bool:  # noqa: ARG002 - as Way has it
        """Tell whether the revision is inside an autocommit block."""
        return self.autocommit

    def run_session_statement(self, connection: psycopg.Connection[TupleRow], sent: Sent) -> Ran:
        """Send it, unless it would begin, commit or roll back; a longer timeout does not last."""
        verbs = {
            statement.node.DESCRIPTOR.fields_by_name["kind"].enum_type.values_by_number[statement.node.kind].name
            for statement in sent.statements
            if statement.kind == "transaction_stmt"
        }
        if verbs <= _NESTED:
            ran = run_quietly(sent)
            return ran if ran.error is not None else replace(ran, note=self._shorten(connection))
        unsent = Observation(Effects(), method=Method.NOT_RUN)
        if verbs <= _NOT_SENT and len(sent.statements) == 1:
            return Ran(unsent, note="not sent: everything stays in one transaction")
        return Ran(unsent, EndsTransaction(_ENDS), note="not sent")

    def _shorten(self, connection: psycopg.Connection[TupleRow]) -> str:
        """Bring back the timeouts that were raised, and say so."""
        notes = []
        for name, now in _timeouts(connection).items():
            limit = self._limits.get(name, 0)
            if limit and (now == 0 or now > limit):
                connection.execute("SELECT pg_catalog.set_config(%s, %s, true)", (name, f"{limit}ms"))
                notes.append(f"{name} stays at {limit} ms here")
        return "; ".join(notes)

    def run(self, connection: psycopg.Connection[TupleRow], sent: Sent) -> Ran:
        """Run the statement below a savepoint; without CONCURRENTLY where the server insists."""
        if not sent.statements:
            return Ran(
                Observation(Effects(), method=Method.NOT_RUN),
                EndsTransaction("sluicegate cannot read this SQL, so it cannot rule out that it commits"),
                note="not sent",
            )
        if any(statement.kind == "transaction_stmt" for statement in sent.statements):
            return Ran(Observation(Effects(), method=Method.NOT_RUN), EndsTransaction(_ENDS), note="not sent")
        ran = _below_savepoint(connection, sent.statements, sent.execute)
        if ran.error is None or not forbidden(ran.error, sent.statements):
            # After an error the transaction stays aborted, as it would in a real run.
            return ran
        connection.execute(f"ROLLBACK TO SAVEPOINT {_SAVEPOINT}; RELEASE SAVEPOINT {_SAVEPOINT}")
        plain = [_without_concurrently(statement) for statement in sent.statements]
        if any(text is None for text in plain):
            return Ran(
                Observation(Effects(in_transaction=InTransaction.FORBIDDEN), method=Method.NOT_RUN),
                note="not run: the server accepts it only outside a transaction block",
            )
        text = "; ".join(part for part in plain if part)
        again = _below_savepoint(connection, sent.statements, lambda: sent.execute_instead(text))
        observation = Observation(
            again.observation.effects, again.observation.held, again.observation.seconds, method=Method.STRIPPED
        )
        return Ran(observation, again.error, note="run without CONCURRENTLY, so its locks here are not its real ones")


def _timeouts(connection: psycopg.Connection[TupleRow]) -> dict[str, int]:
    """Return the session's timeouts in milliseconds; 0 is none."""
    rows = connection.execute(
        "SELECT name, setting::integer FROM pg_catalog.pg_settings WHERE name IN ('lock_timeout', 'statement_timeout')"
    ).fetchall()
    return {str(name): int(milliseconds) for name, milliseconds in rows}


def _below_savepoint(connection: psycopg.Connection[TupleRow], statements: Any, execute: Any) -> Ran:
    connection.execute(f"SAVEPOINT {_SAVEPOINT}")
    observation, error = Observer(connection).watch(statements, execute)
    if error is None:
        connection.execute(f"RELEASE SAVEPOINT {_SAVEPOINT}")
    return Ran(observation, error)


def _without_concurrently(statement: Statement) -> str | None:
    """Return the statement without CONCURRENTLY; None if it has none."""
    node = type(statement.node)()
    node.CopyFrom(statement.node)
    changed = False
    for flagged in _flagged(node):
        flagged.concurrent = False
        changed = True
    if statement.kind == "reindex_stmt":
        kept = [option for option in node.params if option.def_elem.defname != "concurrently"]
        changed = len(kept) < len(node.params)
        del node.params[:]
        node.params.extend(kept)
    text = deparse(wrap(node)) if changed else ""
    return None if text.startswith("(") else text or None  # deparse gives a tree that it cannot write in parentheses


def _flagged(node: Any) -> Iterator[Any]:
    if "concurrent" in node.DESCRIPTOR.fields_by_name and node.concurrent:
        yield node
    if node.DESCRIPTOR.name == "AlterTableStmt":
        for command in node.cmds:
            definition = getattr(command.alter_table_cmd, "def")
            if definition.WhichOneof("node") == "partition_cmd" and definition.partition_cmd.concurrent:
                yield definition.partition_cmd

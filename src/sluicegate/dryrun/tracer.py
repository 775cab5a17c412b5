"""Stand between Alembic and the server: observe each statement that a revision sends, whatever way it is sent.

The hook is the driver's cursor, so SQLAlchemy, the ORM and raw ``cursor().execute()`` all pass through it.
"""

from __future__ import annotations

import contextlib
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, Protocol

import psycopg
from psycopg.pq import TransactionStatus

from sluicegate.dryrun.compare import Comparison, compare
from sluicegate.dryrun.observation import Method, Observation, parsed
from sluicegate.dryrun.report import StatementRun
from sluicegate.effects.model import Effects
from sluicegate.findings import Evidence
from sluicegate.statements.nodes import strings, walk

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from psycopg.rows import TupleRow

    from sluicegate.capture.places import Places, Spot
    from sluicegate.dryrun.foresight import Foresight
    from sluicegate.statements.parse import Statement

GATE = ("sluicegate", "require_backfill")
"""The function that keeps a contract revision shut until its backfill is proved complete."""

_SESSION_KINDS = frozenset({"variable_set_stmt", "variable_show_stmt", "transaction_stmt", "constraints_set_stmt"})
"""Statements that touch no relation. SET TRANSACTION must come before any query, so none of ours may come first."""


_OPAQUE_KINDS = frozenset({"do_stmt", "call_stmt", "select_stmt", "execute_stmt", "transaction_stmt"})
"""Statements whose consequences for the schema replay cannot follow: functions may change it, rollbacks do."""


@dataclass(frozen=True, slots=True)
class Call:
    """A call of the driver's cursor: what it was given, how to run it, and how to run another text on that cursor."""

    query: Any
    parameters: Any
    execute: Callable[[], object]
    execute_instead: Callable[[str], object]
    rows: int = 1


@dataclass(frozen=True, slots=True)
class Sent:
    """A statement on its way to the server.

    Attributes:
        text: the statement with its parameters as literals.
        statements: the same, parsed; empty if it cannot be parsed.
        execute: sends it as it is, on the caller's cursor.
        execute_instead: sends another text on the caller's cursor.
        prediction: what is foretold.
    """

    text: str
    statements: tuple[Statement, ...]
    execute: Callable[[], object]
    execute_instead: Callable[[str], object]
    prediction: Effects | None


@dataclass(frozen=True, slots=True)
class Ran:
    """How a statement fared: what was seen, the server's error, and what was done differently from a real run."""

    observation: Observation
    error: psycopg.Error | None = None
    note: str = ""


class Way(Protocol):
    """How statements are run: for real on a clone, or inside one transaction that is rolled back."""

    with_rows: bool

    def run(self, connection: psycopg.Connection[TupleRow], sent: Sent) -> Ran:
        """Run a statement that reads or changes relations, or say why not."""
        ...

    def run_session_statement(self, connection: psycopg.Connection[TupleRow], sent: Sent) -> Ran:
        """Run a statement that only concerns the session or its transaction."""
        ...

    def meant_for_autocommit(self, connection: psycopg.Connection[TupleRow]) -> bool:
        """Tell whether the revision runs this outside a transaction block."""
        ...


class Tracer:
    """Records what a revision's statements did.

    Attributes:
        watching: whether statements are recorded; those of Alembic itself never are.
        statements: what was recorded since ``start``.
    """

    def __init__(self, places: Places, foresight: Foresight | None, way: Way) -> None:
        """Prepare.

        Args:
            places: finds the revision's line on the stack.
            foresight: predicts; None to observe only.
            way: how statements are run.
        """
        self.watching = False
        self.statements: list[StatementRun] = []
        self._places, self._foresight, self._way = places, foresight, way
        self._busy = False

    def start(self, *, watching: bool) -> None:
        """Begin a revision."""
        if self._foresight is not None and not (watching and self.watching):
            self._foresight.forget()
        self.watching = watching
        self.statements = []

    def attach(self, connection: psycopg.Connection[TupleRow]) -> None:
        """Make every cursor of the connection report to this tracer."""
        connection.cursor_factory = _cursor_class(self)
        if (foresight := self._foresight) is not None:
            rollback = connection.rollback

            def forget_and_roll_back() -> None:
                foresight.forget()
                rollback()

            vars(connection)["rollback"] = forget_and_roll_back

    def handle(self, cursor: psycopg.Cursor[Any], call: Call) -> None:
        """Run one statement of anybody's, observing it if it comes from a watched revision."""
        connection = cursor.connection
        if self._busy:
            call.execute()
            return
        idle = connection.info.transaction_status is TransactionStatus.IDLE
        if idle and self._foresight is not None:
            self._foresight.begin_transaction()
        spot = self._places.current() if self.watching else None
        if spot is None or connection.info.transaction_status is TransactionStatus.INERROR:
            call.execute()
            return
        with self._alone():
            self._observe(connection, spot, call)

    def _observe(self, connection: psycopg.Connection[TupleRow], spot: Spot, call: Call) -> None:
        text = _text(connection, call)
        statements = parsed(text)
        autocommit = self._way.meant_for_autocommit(connection)
        kinds = {statement.kind for statement in statements}
        if kinds == {"variable_show_stmt"}:
            call.execute()  # SQLAlchemy asks for the isolation level around an autocommit block
            return
        plain = bool(kinds) and kinds <= _SESSION_KINDS
        if plain:
            sent = Sent(text, statements, call.execute, call.execute_instead, None)
            ran = self._way.run_session_statement(connection, sent)
        else:
            prediction = None
            if self._foresight is not None:
                prediction = self._foresight.predict(connection, statements, autocommit=autocommit)
            sent = Sent(text, statements, call.execute, call.execute_instead, prediction)
            ran = self._way.run(connection, sent)
        if call.rows > 1:
            ran = replace(
                ran, note="; ".join(filter(None, (ran.note, f"sent for {call.rows} rows, the first is shown")))
            )
        comparison = self._record(spot, sent, ran, autocommit=autocommit, plain=plain or calls(statements, *GATE))
        if self._foresight is not None and ran.observation.method is not Method.NOT_RUN:
            foreseen = plain or comparison.evidence is Evidence.CONFIRMED
            if ran.error is not None or not foreseen or kinds & _OPAQUE_KINDS:
                self._foresight.forget()
            else:
                self._foresight.follow(connection, statements)
        if ran.error is not None:
            raise ran.error

    def _record(self, spot: Spot, sent: Sent, ran: Ran, *, autocommit: bool, plain: bool) -> Comparison:
        single = sent.statements[0] if len(sent.statements) == 1 else None
        comparison = compare(sent.prediction, ran.observation, single, with_rows=self._way.with_rows)
        self.statements.append(
            StatementRun(
                sql=sent.text.strip().rstrip(";").rstrip(),
                location=spot.location,
                upgrade_location=spot.upgrade_location,
                operation=spot.operation,
                autocommit=autocommit,
                observation=ran.observation,
                prediction=sent.prediction,
                comparison=comparison,
                note=ran.note,
                plain=plain,
            )
        )
        return comparison

    @contextlib.contextmanager
    def _alone(self) -> Iterator[None]:
        """Let our own queries pass by."""
        self._busy = True
        try:
            yield
        finally:
            self._busy = False


def run_quietly(sent: Sent) -> Ran:
    """Send a statement that needs no observation."""
    try:
        sent.execute()
    except psycopg.Error as error:
        return Ran(Observation(Effects()), error)
    return Ran(Observation(Effects()))


def calls(statements: Sequence[Statement], schema: str, function: str) -> bool:
    """Tell whether a SELECT calls a function by its qualified name."""
    return any(
        strings(node.funcname) == (schema, function)
        for statement in statements
        if statement.kind == "select_stmt"
        for node in walk(statement.node)
        if node.DESCRIPTOR.name == "FuncCall"
    )


def _text(connection: psycopg.Connection[TupleRow], call: Call) -> str:
    with psycopg.ClientCursor(connection) as cursor:
        return cursor.mogrify(call.query, call.parameters)


def _cursor_class(tracer: Tracer) -> type[psycopg.Cursor[Any]]:
    class TracedCursor(psycopg.Cursor[Any]):
        def execute(self, query: Any, params: Any = None, **options: Any) -> TracedCursor:
            plain = super().execute
            tracer.handle(
                self,
                Call(query, params, lambda: plain(query, params, **options), lambda text: plain(text.encode())),
            )
            return self

        def executemany(self, query: Any, params_seq: Any, **options: Any) -> None:
            many, one = super().executemany, super().execute
            rows = list(params_seq)
            call = Call(
                query,
                rows[0] if rows else None,
                lambda: many(query, rows, **options),
                lambda text: one(text.encode()),
                rows=len(rows),
            )
            tracer.handle(self, call)

    return TracedCursor

"""The server that a revision believes it talks to: it writes statements down, and answers what the catalog can tell."""

from __future__ import annotations

import itertools
import re
from collections import Counter
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any

import sqlalchemy as sa
from postgast import pg_query_pb2 as pg

from sluicegate.capture.answers import Answer, answer
from sluicegate.capture.asking import driver_error
from sluicegate.capture.functions import Facts
from sluicegate.capture.literals import interpolate
from sluicegate.capture.model import CapturedStatement
from sluicegate.capture.session import SessionTracker, session_of
from sluicegate.capture.standin import resolve
from sluicegate.catalog.replay import apply
from sluicegate.effects.model import Certainty
from sluicegate.effects.predict import predict
from sluicegate.errors import ParseError
from sluicegate.statements.parse import parse_script

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence

    from sluicegate.capture.asking import Asking
    from sluicegate.capture.places import Places, Spot
    from sluicegate.catalog.model import Catalog
    from sluicegate.catalog.session import Session
    from sluicegate.findings import Location
    from sluicegate.statements.parse import Statement

_BEGINS = (pg.TRANS_STMT_BEGIN, pg.TRANS_STMT_START)

_NOT_AFTER_AN_ERROR = (pg.TRANS_STMT_SAVEPOINT, pg.TRANS_STMT_RELEASE, pg.TRANS_STMT_BEGIN, pg.TRANS_STMT_START)
_QUERY = re.compile(r"\s*(?:select|with)\b", re.IGNORECASE)
_ALREADY_THERE = frozenset({"42P07", "42710", "42701", "42P06", "42723"})
"""SQLSTATEs of a table, an object, a column, a schema and a function that exist already (appendix A of the manual)."""

STATEMENT_LIMIT = 50_000
"""More statements than this from one revision are a loop that would never end."""

PARAMETER_SETS_LIMIT = 50
"""An ``executemany`` with more parameter sets than this is written down once, with its count."""


class TooManyStatementsError(Exception):
    """The revision does not stop issuing statements."""


@dataclass(slots=True)
class Reason:
    """Why a revision is not fully read, and the line that made it so."""

    text: str
    location: Location | None


@dataclass(slots=True)
class Reading:
    """What is known about the revision that is being run.

    Attributes:
        statements: how many were written down.
        reasons: why it is partial, in the order in which it was noticed.
        questions: the statements whose rows it looked at and only the database has.
        assumed_empty: whether the revision looked at rows that only the database has.
        places: how many statements each place issued.
        stopped: whether it ended with an exception.
        uses: stand-ins that were called or taken for numbers, with what that was and its place.
        shown: stand-ins that went into a statement.
    """

    statements: int = 0
    reasons: list[Reason] = field(default_factory=list)
    questions: list[str] = field(default_factory=list)
    assumed_empty: bool = False
    places: Counter[Location] = field(default_factory=Counter)
    stopped: bool = False
    uses: dict[str, tuple[str, Location | None]] = field(default_factory=dict)
    shown: set[str] = field(default_factory=set)

    def note(self, text: str, location: Location | None) -> None:
        """Add a reason, once."""
        if all(known.text != text for known in self.reasons):
            self.reasons.append(Reason(text, location))


class Recorder:
    """Everything that the connections of one history share."""

    def __init__(
        self,
        *,
        places: Places,
        version: int,
        catalog: Catalog,
        settings: Mapping[str, str],
        keeps_transaction_after_commit: bool,
        emit: Callable[[CapturedStatement], None],
        typed_parameters: bool = True,
        version_table: str = "alembic_version",
    ) -> None:
        """Start with nothing recorded.

        Args:
            places: finds the running line of a revision.
            version: the server's major version.
            catalog: the schema before the first revision.
            settings: session settings that each connection starts with.
            keeps_transaction_after_commit: the driver believes itself in a transaction after the *text* ``COMMIT``
                (psycopg2, asyncpg), so that what follows runs in autocommit; psycopg 3 opens a new transaction.
            emit: called with each statement as soon as it is known.
            typed_parameters: the driver sends parameters apart, with types; psycopg 2 writes them into the text.
            version_table: Alembic's table.
        """
        self.places = places
        self.version = version
        self.settings = settings
        self.typed_parameters = typed_parameters
        self.version_table = version_table
        self.version_rows: tuple[str, ...] | None = None  # what Alembic's table holds, where that is known
        self.keeps_transaction_after_commit = keeps_transaction_after_commit
        self.reading: Reading | None = None
        self.place: Spot | None = None
        self.catalog_problems: list[str] = []
        self.server: Asking | None = None
        self._emit = emit
        self._numbers = itertools.count(1)
        self.main = self.new_session(catalog)

    def new_session(self, payload: Catalog | None = None) -> SessionTracker:
        """Open another session on the same server; only the main one carries the catalog."""
        return SessionTracker(numbers=self._numbers, settings=self.settings, payload=payload)

    @property
    def catalog(self) -> Catalog:
        """The schema as it is now."""
        catalog: Catalog = self.main.payload
        return catalog

    def context(self, session: SessionTracker) -> Session:
        """Return what a statement means in this session."""
        return session_of(session.settings, in_transaction=session.in_transaction)

    @property
    def spot(self) -> Spot | None:
        """The running line of the revision, or the line that queued the operation which is running."""
        return self.place or self.places.current()

    # -- statements ---------------------------------------------------------------------------------------------

    def execute(self, session: SessionTracker, sql: str, parameters: Any) -> Answer:
        """Run a statement (or several in one text), and return what the last one gives back."""
        text = interpolate(sql, parameters, typed=self.typed_parameters)
        try:
            statements = parse_script(text)
        except ParseError:
            # The server would refuse it too; whoever judges the statement says so with the parser's words.
            self._write(session, text.strip().removesuffix(";"), 1)
            if self.server is not None:
                return self.server.execute(session, text)
            return Answer(("?column?",), rowcount=0, certain=False, sql=text) if _QUERY.match(text) else Answer()
        result = Answer()
        implicit = False
        for statement in statements:
            if len(statements) > 1 and not session.in_transaction:
                # Several statements in one request are one transaction, in autocommit too (PostgreSQL 18 manual,
                # 54.2.2.1 "Multiple Statements in a Simple Query").
                self.begin(session)
                implicit = True
            if statement.kind == "transaction_stmt" and statement.node.kind in _BEGINS:
                implicit = False  # from here on it is an ordinary transaction, which stays open
            result = self._run(session, statement, 1)
        if implicit:
            self.commit(session)
        return result

    def execute_many(self, session: SessionTracker, sql: str, parameter_sets: Sequence[Any]) -> Answer:
        """Run a statement once for each set of parameters."""
        shown = parameter_sets if len(parameter_sets) <= PARAMETER_SETS_LIMIT else parameter_sets[:1]
        for parameters in shown:
            times = len(parameter_sets) if shown is not parameter_sets else 1
            for statement in parse_script(interpolate(sql, parameters, typed=self.typed_parameters)):
                self._run(session, statement, times)
        if self.server is not None:
            for parameters in parameter_sets[len(shown) :]:
                self.server.execute(session, interpolate(sql, parameters, typed=self.typed_parameters))
        return Answer(rowcount=len(parameter_sets))

    def begin(self, session: SessionTracker) -> None:
        """Open a transaction where none is open."""
        if self.server is not None and not session.in_transaction:
            self.server.execute(session, "BEGIN")
        session.begin()

    def commit(self, session: SessionTracker) -> None:
        """Commit what is open."""
        if self.server is not None and session.in_transaction:
            self.server.execute(session, "COMMIT")
        session.commit()

    def rolled_back(self, session: SessionTracker) -> None:
        """Write down a rollback that the revision asked its driver for, then follow it."""
        if session.in_transaction and self.reading is not None and self.spot is not None:
            self._write(session, "ROLLBACK", 1)
        if self.server is not None and session.in_transaction:
            self.server.execute(session, "ROLLBACK")
        session.rollback()

    def _run(self, session: SessionTracker, statement: Statement, times: int) -> Answer:
        session.before(statement)
        context = self.context(session)
        if self.server is None:
            self._refuse(session, statement, context)
        self._write(session, statement.sql, times)
        if self.server is None:
            facts = Facts(self.catalog, context, self.version, session.settings, self.version_table, self.version_rows)
            result = answer(statement, facts)
        else:
            result = self.server.execute(session, statement.sql)
        number = session.transaction if session.transaction is not None else next(self._numbers)
        try:
            catalog = apply(statement, replace(self.catalog, transaction=number), context)
        except Exception as error:  # noqa: BLE001 - a statement that replay cannot follow must not end the capture
            self.catalog_problems.append(f"{type(error).__name__}: {error} in {statement.sql[:200]}")
        else:
            self.main.payload = catalog
        session.after(statement)
        return result

    def _refuse(self, session: SessionTracker, statement: Statement, context: Session) -> None:
        """Raise the server's error where a ``try`` of the revision awaits one and the history makes it certain.

        What exists already is certain. What is missing may be in production all the same, made by other hands: then
        the revision goes on as if it were there, and only a server can tell which way it takes.

        Raises:
            dbapi.Error: the server would refuse the statement.
        """
        transaction = statement.node if isinstance(statement.node, pg.TransactionStmt) else None
        if session.failed and (transaction is None or transaction.kind in _NOT_AFTER_AN_ERROR):
            raise driver_error(
                "25P02", "current transaction is aborted, commands ignored until end of transaction block"
            )
        spot = self.spot
        if transaction is not None or self.reading is None or spot is None:
            return
        lines = (spot.location, spot.upgrade_location)
        if not any(self.places.catches(line, sa.exc.ProgrammingError) for line in lines):
            return
        effects = predict(statement, self.catalog, context, self.version)
        if effects.error is None or effects.certainty is not Certainty.CERTAIN:
            return
        if effects.error.sqlstate in _ALREADY_THERE:
            session.failed = session.in_transaction
            raise driver_error(effects.error.sqlstate, effects.error.message)
        self.reading.assumed_empty = True
        self.reading.note(
            f"a try awaits the error of a statement that seems to fail ({effects.error.message}), and only the"
            " database knows whether it does",
            spot.location,
        )

    def _write(self, session: SessionTracker, sql: str, times: int) -> None:
        reading = self.reading
        spot = self.spot if reading is not None else None
        if reading is None or spot is None:
            return
        sql, unknown = resolve(sql)
        for name in unknown:
            reading.shown.add(name)
            reading.note(f"it uses {name}, which cannot be imported here", spot.location)
        reading.statements += 1
        if reading.statements > STATEMENT_LIMIT:
            raise TooManyStatementsError(f"more than {STATEMENT_LIMIT:,} statements")
        iteration = reading.places[spot.location]
        reading.places[spot.location] += 1
        self._emit(
            CapturedStatement(
                sql=sql,
                location=spot.location,
                upgrade_location=spot.upgrade_location,
                transaction=session.transaction,
                settings=session.settings,
                local_settings=session.local_settings,
                autocommit=not session.in_transaction,
                iteration=iteration,
                origin=spot.origin,
                operation=spot.operation,
                after_empty_result=reading.assumed_empty,
                repeated=times,
            )
        )

    # -- results ------------------------------------------------------------------------------------------------

    def consumed(self, result: Answer, what: str) -> None:
        """Take note that the revision looked at a result; what it saw may not be what the database would say."""
        if result.certain or self.reading is None:
            return
        spot = self.places.current()
        if spot is None or spot.origin == "orm-internal":
            return
        self.reading.assumed_empty = True
        if result.sql not in self.reading.questions:
            self.reading.questions.append(result.sql)
        sql = " ".join(result.sql.split())
        shown = sql if len(sql) <= 100 else sql[:99] + "…"
        where = "only the database has"
        if self.server is not None:
            where = "only production has, and an embedded server ran it without them"
        self.reading.note(f"it {what} that {where} ({shown})", spot.location)

    def missing_table(self, name: str, error: type[Exception]) -> bool:
        """Tell whether a question about a table that no revision made is answered as if it had no columns.

        It is in production, or the revision would not ask; unless the revision awaits the error.
        """
        spot = self.places.current()
        if self.reading is None or spot is None or self.places.catches(spot.location, error):
            return False
        self.reading.assumed_empty = True
        self.reading.note(f"it asks for table {name}, which no revision before it creates", spot.location)
        return True


class QueuedOperations(list[Any]):
    """``batch_alter_table``'s queue: it remembers which line queued an operation, and runs it in that line's name."""

    recorder: Recorder

    def __init__(self, recorder: Recorder) -> None:
        super().__init__()
        self.recorder = recorder
        self._spots: list[Spot | None] = []

    def append(self, operation: Any) -> None:
        """Queue an operation."""
        super().append(operation)
        self._spots.append(self.recorder.places.current())

    def __iter__(self) -> Iterator[Any]:
        for operation, spot in zip(super().__iter__(), self._spots, strict=True):
            before, self.recorder.place = self.recorder.place, spot
            try:
                yield operation
            finally:
                self.recorder.place = before

"""A database driver (PEP 249) that reaches no server: it hands each statement to the recorder."""

from __future__ import annotations

import enum
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, Self

from sluicegate.capture.literals import CannotRenderError

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from sluicegate.capture.answers import Answer
    from sluicegate.capture.recorder import Recorder
    from sluicegate.capture.session import SessionTracker

apilevel = "2.0"
threadsafety = 2
paramstyle = "pyformat"
__version__ = "3.2.0"  # SQLAlchemy asks for the psycopg version that this stands for
Binary = bytes
NUMERIC_OID = 1700


class Error(Exception):
    """Base of the driver's errors."""

    sqlstate: str | None = None


class Warning(Exception):  # noqa: A001, N818 - PEP 249's name
    """PEP 249."""


class InterfaceError(Error):
    """PEP 249."""


class DatabaseError(Error):
    """PEP 249."""


class DataError(DatabaseError):
    """PEP 249."""


class OperationalError(DatabaseError):
    """PEP 249."""


class IntegrityError(DatabaseError):
    """PEP 249."""


class InternalError(DatabaseError):
    """PEP 249."""


class ProgrammingError(DatabaseError):
    """PEP 249."""


class NotSupportedError(DatabaseError):
    """PEP 249."""


class IsolationLevel(enum.Enum):
    """psycopg's names for what BEGIN may ask for."""

    READ_UNCOMMITTED = 1
    READ_COMMITTED = 2
    REPEATABLE_READ = 3
    SERIALIZABLE = 4


class TransactionStatus(enum.IntEnum):
    """libpq's names for the state of a connection."""

    IDLE = 0
    ACTIVE = 1
    INTRANS = 2
    INERROR = 3
    UNKNOWN = 4


class ConnectionInfo:
    """What psycopg tells about a connection."""

    dbname = user = "postgres"
    host = password = ""
    port = 5432
    encoding = "utf-8"

    def __init__(self, connection: RecordingConnection) -> None:
        self._connection = connection

    @property
    def transaction_status(self) -> TransactionStatus:
        """Whether a transaction is open."""
        return TransactionStatus.INTRANS if self._connection.session.in_transaction else TransactionStatus.IDLE

    @property
    def server_version(self) -> int:
        """The version as libpq gives it, such as 180000."""
        return self._connection.recorder.version * 10_000


class RecordingConnection:
    """A connection whose server is the recorder."""

    def __init__(self, recorder: Recorder, session: SessionTracker) -> None:
        """Open a session."""
        self.recorder = recorder
        self.session = session
        self.closed = False
        self.broken = False
        self.read_only: bool | None = None
        self.deferrable: bool | None = None
        self.isolation_level: Any = None
        self.notices: list[str] = []
        self.info = ConnectionInfo(self)
        self._autocommit = False
        self._kept_open = False
        self._begun = False  # what the driver believes, which a COMMIT sent as text does not change

    @property
    def autocommit(self) -> bool:
        """Whether the driver leaves out its own BEGIN."""
        return self._autocommit

    @autocommit.setter
    def autocommit(self, value: bool) -> None:
        self._autocommit = bool(value)

    def set_session(self, autocommit: bool | None = None, **_: Any) -> None:
        """Take psycopg2's way to set autocommit."""
        if autocommit is not None:
            self.autocommit = autocommit

    def set_isolation_level(self, level: int) -> None:
        """Take psycopg2's older way: 0 is autocommit, and changing the level rolls back."""
        self.rollback()
        self.autocommit = level == 0

    def begin_if_needed(self) -> None:
        """Send the driver's own BEGIN before a statement."""
        if self._autocommit or self.session.in_transaction:
            return
        if not (self._begun and self.recorder.keeps_transaction_after_commit):
            self.recorder.begin(self.session)
            self._begun = True

    def commit(self) -> None:
        """Commit."""
        if not self._kept_open:
            self.recorder.commit(self.session)
            self._begun = False

    def rollback(self) -> None:
        """Roll back."""
        if not self._kept_open:
            self.recorder.rolled_back(self.session)
            self._begun = False

    def keep_open(self, kept: bool = True) -> None:
        """Ignore commits and rollbacks: what surrounds a revision is being taken down, the session goes on."""
        self._kept_open = kept

    def forget(self) -> None:
        """Leave the transaction as it is and take the connection for a fresh one: a revision is over."""
        self._autocommit = False
        self._begun = self.session.in_transaction

    def close(self) -> None:
        """Close; the session of the history itself lives on."""
        if self.session is not self.recorder.main:
            if self.recorder.server is not None:
                self.recorder.server.close(self.session)
            self.session.rollback()
            self.closed = True

    def cursor(self, *_: Any, **__: Any) -> RecordingCursor:
        """Open a cursor; names, which mean server-side cursors, make no difference."""
        return RecordingCursor(self)

    def execute(self, query: Any, params: Any = None, **_: Any) -> RecordingCursor:
        """Execute on a new cursor, as psycopg 3 does."""
        return self.cursor().execute(query, params)

    @contextmanager
    def transaction(self, *_: Any, **__: Any) -> Iterator[None]:
        """Open psycopg 3's transaction block."""
        outermost = not self.session.in_transaction
        if outermost:
            self.recorder.begin(self.session)
        try:
            yield
        except BaseException:
            if outermost:
                self.rollback()
            raise
        if outermost:
            self.commit()

    def add_notice_handler(self, _: Any) -> None:
        """Accept a handler for notices; there are none."""

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: object, *_: object) -> None:
        if kind is None:
            self.commit()
        else:
            self.rollback()


class RecordingCursor:
    """A cursor over the recorder's answers."""

    def __init__(self, connection: RecordingConnection) -> None:
        """Open a cursor without a result."""
        self.connection = connection
        self.arraysize = 1
        self.itersize = 2000
        self.statusmessage = ""
        self.lastrowid = None
        self.closed = False
        self._answer: Answer | None = None
        self._position = 0

    # -- running ------------------------------------------------------------------------------------------------

    def execute(self, query: Any, params: Any = None, **_: Any) -> RecordingCursor:
        """Run a statement."""
        self.connection.begin_if_needed()
        try:
            self._answer = self.connection.recorder.execute(self.connection.session, _text(query), params)
        except CannotRenderError as error:
            raise ProgrammingError(str(error)) from error
        self._position = 0
        return self

    def executemany(self, query: Any, params_seq: Sequence[Any], **_: Any) -> None:
        """Run a statement for each set of parameters."""
        self.connection.begin_if_needed()
        try:
            self._answer = self.connection.recorder.execute_many(
                self.connection.session, _text(query), list(params_seq)
            )
        except CannotRenderError as error:
            raise ProgrammingError(str(error)) from error
        self._position = 0

    def callproc(self, name: str, parameters: Sequence[Any] = ()) -> None:
        """Call a function, as psycopg2 does."""
        places = ", ".join(["%s"] * len(parameters))
        self.execute(f"SELECT * FROM {name}({places})", list(parameters))  # noqa: S608 - recorded, never executed

    def copy_expert(self, sql: Any, *_: Any, **__: Any) -> None:
        """Run psycopg2's COPY; the data is not read."""
        self.execute(sql)

    @contextmanager
    def copy(self, statement: Any, params: Any = None, **_: Any) -> Iterator[RecordingCopy]:
        """Run psycopg 3's COPY; the data is not read."""
        self.execute(statement, params)
        yield RecordingCopy()

    def mogrify(self, query: Any, params: Any = None) -> str:
        """Return the statement with its parameters, as psycopg2 does."""
        from sluicegate.capture.literals import interpolate

        return interpolate(_text(query), params)

    # -- reading ------------------------------------------------------------------------------------------------

    @property
    def description(self) -> list[tuple[Any, ...]] | None:
        """The columns of the result."""
        if self._answer is None or self._answer.columns is None:
            return None
        return [(name, NUMERIC_OID, None, None, None, None, None) for name in self._answer.columns]

    @property
    def rowcount(self) -> int:
        """How many rows the statement returned or changed."""
        return -1 if self._answer is None else self._answer.rowcount

    @property
    def result(self) -> Answer | None:
        """The recorder's answer behind this cursor."""
        return self._answer

    def fetchone(self) -> tuple[Any, ...] | None:
        """Return the next row."""
        rows = self._fetch("reads rows", 1)
        return rows[0] if rows else None

    def fetchmany(self, size: int | None = None) -> list[tuple[Any, ...]]:
        """Return some rows."""
        return self._fetch("reads rows", size or self.arraysize)

    def fetchall(self) -> list[tuple[Any, ...]]:
        """Return the rows that are left."""
        return self._fetch("reads rows", None)

    def __iter__(self) -> Iterator[tuple[Any, ...]]:
        return iter(self._fetch("reads rows", None))

    def _fetch(self, what: str, size: int | None) -> list[tuple[Any, ...]]:
        if self._answer is None or self._answer.columns is None:
            raise ProgrammingError("the last operation did not produce records")
        self.connection.recorder.consumed(self._answer, what)
        end = len(self._answer.rows) if size is None else self._position + size
        rows = self._answer.rows[self._position : end]
        self._position += len(rows)
        return list(rows)

    def nextset(self) -> None:
        """There is never another result."""

    def setinputsizes(self, *_: Any) -> None:
        """Do nothing, as PEP 249 allows."""

    def setoutputsize(self, *_: Any) -> None:
        """Do nothing, as PEP 249 allows."""

    def close(self) -> None:
        """Close."""
        self.closed = True

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()


class RecordingCopy:
    """The receiving end of a COPY that goes nowhere."""

    def write(self, _: Any) -> None:
        """Take data."""

    def write_row(self, _: Any) -> None:
        """Take a row."""

    def set_types(self, _: Any) -> None:
        """Take the types of what comes."""


def _text(query: Any) -> str:
    if isinstance(query, bytes):
        return query.decode()
    if isinstance(query, str):
        return str(query)
    return str(query.as_string(None))  # psycopg's Composable

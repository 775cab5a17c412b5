"""The server behind live capture: an embedded PostgreSQL that holds what the history built so far.

Revisions' statements run as an ordinary user who owns the database, so that no text of a revision can reach a file or
a program through the server (COPY … PROGRAM, untrusted languages); only CREATE EXTENSION is run for it.
"""

from __future__ import annotations

import base64
import contextlib
import os
import pickle
import threading
import uuid
from typing import TYPE_CHECKING, Any

import psycopg
from psycopg import sql
from psycopg.pq import TransactionStatus

from sluicegate.dryrun.certainty import Certainty
from sluicegate.dryrun.clone import clone
from sluicegate.errors import ParseError
from sluicegate.pg.connect import connect, parse, with_database
from sluicegate.pg.embedded import temporary_server
from sluicegate.pg.errors import words_of
from sluicegate.snapshot.restore import restore_schema
from sluicegate.statements.parse import parse_script

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from psycopg.rows import TupleRow

    from sluicegate.capture.model import CapturedRevision, CapturedStatement
    from sluicegate.statements.parse import Statement


@contextlib.contextmanager
def live_server(
    version: int, *, schema: str | None, settings: Mapping[str, str], version_table: str
) -> Iterator[LiveDatabase]:
    """Start an embedded server for live capture, and remove it at the end.

    Args:
        version: the major version.
        schema: the schema that the first revision of the history finds, as SQL; None for an empty database.
        settings: session settings in force before each revision.
        version_table: Alembic's table.

    Raises:
        UsageError: there is no embedded server of this version.
        CouldNotJudgeError: the schema cannot be restored.
        ServerError: the server does not start.
    """
    with temporary_server(version) as server:
        database = LiveDatabase(server.url(), version_table=version_table, settings=settings)
        try:
            database.prepare(schema)
            yield database
        finally:
            database.close()


APPLICATION = "sluicegate live capture"

_STATEMENT_SECONDS = 10.0  # on tables without rows everything ends at once, but for loops and sleeps
_LIMITS = {"lock_timeout": "5s", "idle_in_transaction_session_timeout": "0"}
_ROWS = 10_000
_SAVEPOINT = "sluicegate_live"

_TAKE_OVER = """
SELECT format('ALTER %s %s OWNER TO %I', kind, name, %(owner)s) FROM (
    SELECT CASE c.relkind WHEN 'v' THEN 'VIEW' WHEN 'm' THEN 'MATERIALIZED VIEW' WHEN 'S' THEN 'SEQUENCE'
                          WHEN 'f' THEN 'FOREIGN TABLE' ELSE 'TABLE' END AS kind,
           c.oid::regclass::text AS name, 2 AS place, c.oid, c.relnamespace AS schema, 'pg_class'::regclass AS class
    FROM pg_catalog.pg_class c
    WHERE c.relkind IN ('r', 'p', 'v', 'm', 'S', 'f')
      AND NOT EXISTS (SELECT FROM pg_depend d WHERE d.classid = 'pg_class'::regclass AND d.objid = c.oid
                                               AND d.deptype IN ('a', 'i') AND c.relkind = 'S')
    UNION ALL
    SELECT 'SCHEMA', quote_ident(n.nspname), 1, n.oid, n.oid, 'pg_namespace'::regclass FROM pg_catalog.pg_namespace n
    WHERE n.nspname <> 'public'
    UNION ALL
    SELECT CASE t.typtype WHEN 'd' THEN 'DOMAIN' ELSE 'TYPE' END, t.oid::regtype::text, 3, t.oid, t.typnamespace,
           'pg_type'::regclass
    FROM pg_catalog.pg_type t WHERE t.typtype IN ('d', 'e')
    UNION ALL
    SELECT 'ROUTINE', p.oid::regprocedure::text, 4, p.oid, p.pronamespace, 'pg_proc'::regclass
    FROM pg_catalog.pg_proc p
) AS objects
WHERE (SELECT n.nspname !~ '^pg_' AND n.nspname <> 'information_schema' FROM pg_namespace n WHERE n.oid = schema)
  AND NOT EXISTS (SELECT FROM pg_depend d WHERE d.classid = class AND d.objid = objects.oid AND d.deptype = 'e')
ORDER BY place
"""


class LiveDatabase:
    """``sluicegate.capture.live.LiveServer`` on a server of ours."""

    def __init__(self, url: str, *, version_table: str = "alembic_version", settings: Mapping[str, str]) -> None:
        """Work on this server, as its superuser; ``settings`` are in force in each session of a revision."""
        self._admin = url
        self._owner = f"sluicegate_live_{os.getpid()}_{uuid.uuid4().hex[:10]}"
        self._settings = {**_LIMITS, **settings}
        self._version_table = version_table
        self._databases = contextlib.ExitStack()
        self._base = ""
        self._copy: contextlib.ExitStack | None = None
        self._copied = ""
        self._sessions: dict[int, psycopg.Connection[TupleRow]] = {}

    def prepare(self, schema: str | None, name: str = "the schema") -> None:
        """Make the database that revisions build on, from a dump or empty.

        Raises:
            CouldNotJudgeError: the schema cannot be restored.
            ServerError: the server failed.
        """
        with connect(self._admin, application_name=APPLICATION) as connection:
            connection.execute(sql.SQL("CREATE ROLE {} LOGIN CREATEROLE").format(sql.Identifier(self._owner)))
            with contextlib.suppress(psycopg.Error):
                connection.execute(
                    sql.SQL("GRANT SET ON PARAMETER session_replication_role TO {}").format(sql.Identifier(self._owner))
                )
        self._base = self._databases.enter_context(clone(self._admin))
        self._own(self._base)
        with connect(self._base, application_name=APPLICATION) as connection:
            if schema is not None:
                restore_schema(connection, schema, name)
                for (statement,) in connection.execute(_TAKE_OVER, {"owner": self._owner}).fetchall():
                    with contextlib.suppress(psycopg.Error):
                        connection.execute(statement.encode())
        with contextlib.suppress(psycopg.Error), self._open(self._base) as connection:
            connection.execute(
                sql.SQL("CREATE TABLE {} (version_num varchar(32) PRIMARY KEY)").format(
                    sql.Identifier(self._version_table)
                )
            )

    def close(self) -> None:
        """Drop what was made."""
        self._close_copy()
        self._databases.close()
        with (
            contextlib.suppress(psycopg.Error),
            connect(self._admin, application_name=APPLICATION) as connection,
        ):
            connection.execute(sql.SQL("DROP OWNED BY {}").format(sql.Identifier(self._owner)))
            connection.execute(sql.SQL("DROP ROLE {}").format(sql.Identifier(self._owner)))

    # -- LiveServer -------------------------------------------------------------------------------------------------

    def enter(self, earlier: Sequence[CapturedRevision], questions: Sequence[str]) -> bool:
        """Run what was captured of these revisions; what the server refuses of it is left out."""
        with self._open(self._base) as connection:
            for revision in earlier:
                self._build(connection, revision.statements)
            certainty = Certainty(connection)
            if questions and not any(certainty.may_tell(question) for question in questions):
                return False
        self._copy = contextlib.ExitStack()
        self._copied = self._copy.enter_context(clone(self._admin, parse(self._base)["dbname"]))
        self._own(self._copied)
        return True

    def ask(self, session: int, text: str | None) -> dict[str, Any]:
        """Run a statement; see ``LiveServer.ask``."""
        if text is None:
            if session in self._sessions:
                self._sessions.pop(session).close()
            return _reply()
        if session not in self._sessions:
            self._sessions[session] = self._open(self._copied)
        connection = self._sessions[session]
        try:
            statements = tuple(parse_script(text))
        except ParseError:
            statements = ()
        try:
            return self._run(connection, self._copied, text, statements)
        except psycopg.Error as error:
            return _reply(error=(error.sqlstate or "57014", words_of(error)))

    def leave(self, *, keep: bool) -> None:
        """End the revision's sessions; an open transaction is committed where the copy is kept."""
        for connection in self._sessions.values():
            if keep and not connection.closed and connection.info.transaction_status is TransactionStatus.INTRANS:
                with contextlib.suppress(psycopg.Error):
                    connection.execute("COMMIT")
        if not keep or self._copy is None:
            self._close_copy()
            return
        self._close_sessions()
        self._databases.close()
        self._databases, self._base = self._copy, self._copied
        self._copy = None

    # -- how --------------------------------------------------------------------------------------------------------

    def _own(self, url: str) -> None:
        with connect(self._admin, application_name=APPLICATION) as connection:
            connection.execute(
                sql.SQL("ALTER DATABASE {} OWNER TO {}").format(
                    sql.Identifier(parse(url)["dbname"]), sql.Identifier(self._owner)
                )
            )

    def _open(self, url: str) -> psycopg.Connection[TupleRow]:
        own = psycopg.conninfo.make_conninfo(url, user=self._owner)
        return connect(own, application_name=APPLICATION, settings=self._settings)

    def _run(
        self, connection: psycopg.Connection[TupleRow], url: str, text: str, statements: Sequence[Statement]
    ) -> dict[str, Any]:
        if any(statement.kind == "copy_stmt" for statement in statements):
            return _reply(certain=False)  # the rows that it brings or fetches do not travel
        if statements and all(statement.kind == "create_extension_stmt" for statement in statements):
            with connect(with_database(self._admin, parse(url)["dbname"]), settings=_LIMITS) as admin:
                admin.execute(text.encode())
            return _reply()
        with _no_longer_than(connection, _STATEMENT_SECONDS):
            cursor = connection.execute(text.encode())
        rows = cursor.fetchmany(_ROWS) if cursor.description is not None else []
        columns = [column.name for column in cursor.description] if cursor.description is not None else None
        certain = Certainty(connection).of(statements, columns is not None, cursor.rowcount)
        return _reply(columns, rows, cursor.rowcount, certain=certain)

    def _build(self, connection: psycopg.Connection[TupleRow], statements: Sequence[CapturedStatement]) -> None:
        """Run captured statements in the transactions in which they were captured."""
        running: int | None = None
        for statement in statements:
            if statement.transaction != running:
                _finish(connection)
                running = statement.transaction
            idle = connection.info.transaction_status is TransactionStatus.IDLE
            if not statement.autocommit and idle:
                connection.execute("BEGIN")
            self._build_one(connection, statement)
        _finish(connection)
        connection.execute("RESET ALL")
        for name, value in self._settings.items():
            connection.execute("SELECT pg_catalog.set_config(%s, %s, false)", (name, value))

    def _build_one(self, connection: psycopg.Connection[TupleRow], statement: CapturedStatement) -> None:
        try:
            parsed = tuple(parse_script(statement.sql))
        except ParseError:
            return
        if any(one.kind == "transaction_stmt" for one in parsed):
            with contextlib.suppress(psycopg.Error):
                connection.execute(statement.sql.encode())
            return
        guarded = connection.info.transaction_status is TransactionStatus.INTRANS
        if guarded:
            connection.execute(f"SAVEPOINT {_SAVEPOINT}")
        with contextlib.suppress(psycopg.Error):
            self._run(connection, self._base, statement.sql, parsed)
        status = connection.info.transaction_status
        if guarded and status is not TransactionStatus.IDLE:
            if status is TransactionStatus.INERROR:
                connection.execute(f"ROLLBACK TO SAVEPOINT {_SAVEPOINT}")
            with contextlib.suppress(psycopg.Error):
                connection.execute(f"RELEASE SAVEPOINT {_SAVEPOINT}")

    def _close_sessions(self) -> None:
        for connection in self._sessions.values():
            connection.close()
        self._sessions = {}

    def _close_copy(self) -> None:
        self._close_sessions()
        if self._copy is not None:
            self._copy.close()
            self._copy = None


def _finish(connection: psycopg.Connection[TupleRow]) -> None:
    if connection.info.transaction_status is not TransactionStatus.IDLE:
        with contextlib.suppress(psycopg.Error):
            connection.execute("COMMIT")


@contextlib.contextmanager
def _no_longer_than(connection: psycopg.Connection[TupleRow], seconds: float) -> Iterator[None]:
    """Cancel what runs inside the block after so many seconds, whatever the session's own timeouts say."""
    timer = threading.Timer(seconds, connection.cancel)
    timer.start()
    try:
        yield
    finally:
        timer.cancel()


def _reply(
    columns: list[str] | None = None,
    rows: Sequence[Any] = (),
    rowcount: int = -1,
    *,
    certain: bool = True,
    error: tuple[str, str] | None = None,
) -> dict[str, Any]:
    packed = base64.b64encode(pickle.dumps(tuple(tuple(row) for row in rows))).decode()
    return {"columns": columns, "rows": packed, "rowcount": rowcount, "certain": certain, "error": error}

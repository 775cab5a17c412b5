"""Servers with the base schema, on which a statement form is run and watched by the product's own observer."""

from __future__ import annotations

import uuid
from collections.abc import Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass, field
from pathlib import Path

import psycopg
from psycopg import sql

from sluicegate.dryrun.observe import Observer, observe
from sluicegate.effects.model import Effects
from sluicegate.errors import ParseError
from sluicegate.pg.embedded import EmbeddedServer
from sluicegate.statements.parse import Statement, parse_script

DATA = Path(__file__).parent / "data"
BASE = DATA / "base.sql"


@dataclass
class Laboratory:
    """The base schema in a database of one server, and clones of it for what commits.

    ``rows`` is False for a second variant of the database in which no table holds a row.
    """

    server: EmbeddedServer
    rows: bool = True
    template: str = field(default_factory=lambda: f"forms_{uuid.uuid4().hex[:12]}")
    shared: str = ""

    def prepare(self) -> Laboratory:
        """Load the base schema."""
        with self._administration() as connection:
            connection.execute(sql.SQL("CREATE DATABASE {}").format(sql.Identifier(self.template)))
        with closing(psycopg.connect(self.server.url(self.template), autocommit=True)) as connection:
            connection.execute(BASE.read_bytes())
            if not self.rows:
                _empty(connection)
        self.shared = self._clone()
        return self

    def observe(self, statement: str, setup: str = "") -> Effects:
        """Run a setup, committed, and then the statement; return what the statement did."""
        if not setup and not _ends_transactions(statement):
            with closing(psycopg.connect(self.server.url(self.shared), autocommit=True)) as connection:
                copy = _copy_through_client(statement)
                if copy is not None:
                    return _observe_copy(connection, copy)
                effects = observe(connection, statement)
            if effects.in_transaction.value == "allowed":
                return effects
        with (
            self.clone() as database,
            closing(psycopg.connect(self.server.url(database), autocommit=True)) as connection,
        ):
            for part in parse_script(setup):
                connection.execute(part.sql.encode())
            return observe(connection, statement, disposable=True)

    @contextmanager
    def clone(self) -> Iterator[str]:
        """Give a copy of the database and drop it afterwards."""
        name = self._clone()
        try:
            yield name
        finally:
            self._drop(name)

    def close(self) -> None:
        """Drop the databases."""
        for name in (self.shared, self.template):
            self._drop(name)

    def _administration(self) -> closing[psycopg.Connection]:
        return closing(psycopg.connect(self.server.url(), autocommit=True))

    def _clone(self) -> str:
        name = f"{self.template}_{uuid.uuid4().hex[:8]}"
        with self._administration() as connection:
            connection.execute(
                sql.SQL("CREATE DATABASE {} TEMPLATE {} STRATEGY FILE_COPY").format(
                    sql.Identifier(name), sql.Identifier(self.template)
                )
            )
        return name

    def _drop(self, name: str) -> None:
        with self._administration() as connection:
            connection.execute(sql.SQL("DROP DATABASE IF EXISTS {} WITH (FORCE)").format(sql.Identifier(name)))


def _ends_transactions(text: str) -> bool:
    """Tell whether a text has COMMIT or the like, whose effects would stay in the shared database."""
    try:
        return any(statement.kind == "transaction_stmt" for statement in parse_script(text))
    except ParseError:
        return False


def _copy_through_client(text: str) -> Statement | None:
    """Return a COPY whose rows pass through the client, which needs a conversation of its own."""
    try:
        statements = parse_script(text)
    except ParseError:
        return None
    alone = len(statements) == 1 and statements[0].kind == "copy_stmt"
    return statements[0] if alone and not statements[0].node.filename else None


def _observe_copy(connection: psycopg.Connection, statement: Statement) -> Effects:
    def run() -> None:
        with connection.cursor().copy(statement.sql.encode()) as copy:
            if not statement.node.is_from:
                for _ in copy:
                    pass

    connection.execute("BEGIN")
    observation, _ = Observer(connection).watch((statement,), run)
    connection.execute("ROLLBACK")
    return observation.effects


def _empty(connection: psycopg.Connection) -> None:
    """Take the rows and leave the schema."""
    tables = connection.execute(
        "SELECT format('%I.%I', schemaname, tablename) FROM pg_tables"
        " WHERE schemaname NOT IN ('pg_catalog', 'information_schema')"
    ).fetchall()
    connection.execute(f"TRUNCATE {', '.join(name for (name,) in tables)} RESTART IDENTITY".encode())
    views = connection.execute("SELECT format('%I.%I', schemaname, matviewname) FROM pg_matviews").fetchall()
    for (name,) in views:
        connection.execute(f"REFRESH MATERIALIZED VIEW {name}".encode())
    connection.execute("ANALYZE")

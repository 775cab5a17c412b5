"""Run revisions through Alembic itself on a connection of ours: its transactions, its version table, its operations."""

from __future__ import annotations

import contextlib
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import psycopg
import sqlalchemy as sa
from alembic.runtime.environment import EnvironmentContext
from alembic.runtime.migration import MigrationContext
from sqlalchemy import event, exc
from sqlalchemy.pool import NullPool

from sluicegate.pg.connect import connect, parse, translated
from sluicegate.pg.errors import words_of

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence

    from alembic.runtime.migration import RevisionStep
    from psycopg.rows import TupleRow

    from sluicegate.dryrun.scripts import Scripts
    from sluicegate.findings import Location

APPLICATION = "sluicegate dry-run"
"""What ``pg_stat_activity`` shows for a dry run."""


@dataclass(frozen=True, slots=True)
class Environment:
    """What env.py would say.

    Attributes:
        transaction_per_migration: whether each revision commits on its own.
        version_table: Alembic's table.
        version_table_schema: its schema; None for the search path.
        naming_convention: of the application's metadata, for constraints without a name.
        settings: session settings in force before the first revision.
    """

    transaction_per_migration: bool = False
    version_table: str = "alembic_version"
    version_table_schema: str | None = None
    naming_convention: Mapping[str, str] = field(default_factory=dict)
    settings: Mapping[str, str] = field(default_factory=dict)

    def options(self) -> dict[str, Any]:
        """Return the keywords for ``context.configure``."""
        return {
            "transaction_per_migration": self.transaction_per_migration,
            "version_table": self.version_table,
            "version_table_schema": self.version_table_schema,
            "target_metadata": sa.MetaData(naming_convention=dict(self.naming_convention) or None),
        }


class OwnConnectionError(RuntimeError):
    """A revision tried to reach a database past the connection that Alembic gave it."""


@dataclass(frozen=True, slots=True)
class Stop:
    """Why a run ended early.

    Attributes:
        revision: the revision that was running; None outside any.
        message: what happened, in one sentence.
        sqlstate: the server's SQLSTATE, where it refused a statement.
        location: the revision's line, where there is one.
        cause: the exception.
    """

    revision: str | None
    message: str
    sqlstate: str | None
    location: Location | None
    cause: BaseException


def upgrade(
    connection: psycopg.Connection[TupleRow],
    scripts: Scripts,
    steps: Sequence[RevisionStep],
    environment: Environment,
    *,
    url: str,
    on_revision: Callable[[str], None] = lambda _: None,
    inside: Callable[[MigrationContext], None] | None = None,
) -> Stop | None:
    """Run steps on a connection and return why they ended early, or None.

    Args:
        connection: an open connection, not in autocommit; it is closed afterwards.
        scripts: the revisions.
        steps: what to run, in order.
        environment: what env.py would say.
        url: what revisions see as ``sqlalchemy.url``: this very database.
        on_revision: called with each revision before its first statement.
        inside: if given, everything runs in one transaction that is rolled back; called with the migration context
            inside it, before the first revision.

    Raises:
        ServerError: the connection broke.
    """
    running: list[str] = []

    def each(_: Any, __: MigrationContext) -> Iterable[RevisionStep]:
        for step in steps:
            running[:] = [step.revision.revision]
            on_revision(step.revision.revision)
            yield step

    config = scripts.config()
    config.set_main_option("sqlalchemy.url", url.replace("%", "%%"))
    own = None if inside is not None else parse(url).get("dbname")
    with scripts.importable(), translated("running the revisions"), contextlib.ExitStack() as stack:
        stack.enter_context(_refusing_other_connections(own))
        alembic_connection = stack.enter_context(_engine(connection).connect())
        if inside is not None:
            stack.callback(alembic_connection.begin().close)
        context = stack.enter_context(EnvironmentContext(config, scripts.directory, fn=each))
        try:
            context.configure(connection=alembic_connection, **environment.options())
            if inside is not None:
                inside(context.get_context())
            with context.begin_transaction():
                context.run_migrations()
        except Exception as error:  # noqa: BLE001 - whatever a revision raises is a result of the dry run
            return _stop(error, running, scripts)
    return None


@contextlib.contextmanager
def _refusing_other_connections(allowed: str | None) -> Iterator[None]:
    """Let revisions open no engine of their own, except on the clone: it would change a database that is not ours.

    Args:
        allowed: the clone's unique name; None when even that would escape the transaction.
    """

    def refuse(dialect: object, record: object, arguments: object, parameters: Mapping[str, object]) -> None:  # noqa: ARG001
        name = parameters.get("dbname", parameters.get("database"))
        if allowed is None or name != allowed:
            raise OwnConnectionError(
                f"the revision opens a connection of its own, to database {name}; a dry run only follows op.get_bind()"
            )

    event.listen(sa.Engine, "do_connect", refuse)
    try:
        yield
    finally:
        event.remove(sa.Engine, "do_connect", refuse)


def _stop(error: Exception, running: Sequence[str], scripts: Scripts) -> Stop:
    revision = running[0] if running else None
    location = scripts.places.of_traceback(error.__traceback__)
    refusal = _refusal(error)
    if refusal is None:
        text = " ".join(str(error).split())
        message = text if isinstance(error, OwnConnectionError) else f"{type(error).__name__}: {text}"
        return Stop(revision, message, None, location, error)
    if refusal.sqlstate is None and isinstance(refusal, psycopg.OperationalError):
        raise refusal
    return Stop(revision, words_of(refusal), refusal.sqlstate, location, error)


def _refusal(error: BaseException | None) -> psycopg.Error | None:
    """Return the server's error below an exception; SQLAlchemy and operations of ours wrap it."""
    while error is not None:
        if isinstance(error, psycopg.Error):
            return error
        error = error.orig if isinstance(error, exc.DBAPIError) else error.__cause__
    return None


def stamp(
    connection: psycopg.Connection[TupleRow], scripts: Scripts, revisions: Sequence[str], environment: Environment
) -> None:
    """Write Alembic's position into the version table, creating it where it is missing."""
    engine = _engine(connection)
    with translated("stamping the database"), scripts.importable(), engine.begin() as alembic_connection:
        context = MigrationContext.configure(alembic_connection, opts=environment.options())
        context.stamp(scripts.directory, revisions)  # type: ignore[arg-type]


def _engine(connection: psycopg.Connection[TupleRow]) -> sa.Engine:
    return sa.create_engine("postgresql+psycopg://", creator=lambda: connection, poolclass=NullPool)


@contextlib.contextmanager
def session(url: str, environment: Environment) -> Iterator[psycopg.Connection[TupleRow]]:
    """Open the connection on which revisions run, with the environment's settings."""
    connection = connect(url, autocommit=False, application_name=APPLICATION, settings=dict(environment.settings))
    try:
        yield connection
    finally:
        connection.close()

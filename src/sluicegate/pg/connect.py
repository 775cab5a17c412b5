"""The one door to a server: every connection of ours is opened here, and every driver error leaves as one of ours."""

from __future__ import annotations

import contextlib
import re
from typing import TYPE_CHECKING

import psycopg
from psycopg import conninfo

from sluicegate.errors import UsageError
from sluicegate.pg.errors import translate
from sluicegate.pg.pooled import ServerConnection

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

APPLICATION_NAME = "sluicegate"
"""What ``pg_stat_activity`` shows for us unless the caller says more."""

# A dead network must not look like a slow query: the kernel asks after 30 s and gives up after another 30 s.
_DEFAULTS: Mapping[str, str] = {
    "connect_timeout": "10",
    "keepalives": "1",
    "keepalives_idle": "30",
    "keepalives_interval": "10",
    "keepalives_count": "3",
    "client_encoding": "UTF8",
}
_ENCODE = "Write special characters of user and password percent-encoded: @ as %40, / as %2F, : as %3A, # as %23."


def connect(
    url: str,
    *,
    autocommit: bool = True,
    application_name: str = APPLICATION_NAME,
    settings: Mapping[str, str] | None = None,
    connect_timeout: int | None = None,
) -> ServerConnection:
    """Open a connection. Behind a pooler its settings hold for each transaction, and nobody else gets them.

    Args:
        url: a libpq URL or connection string, or a SQLAlchemy URL (``postgresql+psycopg://…``). What it leaves out
            comes from the PG* variables, ~/.pgpass and the service file, as in psql.
        autocommit: whether each statement commits by itself.
        application_name: what ``pg_stat_activity`` shows.
        settings: server settings for the session (name → value), set before the connection is returned.
        connect_timeout: seconds for each host to answer; 10 unless the URL says otherwise.

    Raises:
        UsageError: the URL cannot be read.
        ServerError: the server cannot be reached or refuses; the message never holds the password.
    """
    parameters = {**_DEFAULTS, "application_name": application_name, **parse(url)}
    if connect_timeout is not None:
        parameters["connect_timeout"] = str(connect_timeout)
    with translated(f"connecting to {describe(url)}"):
        # No prepared statements: behind a transaction pooler they get lost, and DDL of ours invalidates their plans.
        connection = ServerConnection.connect(**parameters, autocommit=True, prepare_threshold=None)  # type: ignore[arg-type]
    try:
        with translated("setting up the session"):
            connection.begin_with(settings or {})
            connection.autocommit = autocommit
    except BaseException:
        connection.close()
        raise
    return connection


@contextlib.contextmanager
def translated(doing: str = "") -> Iterator[None]:
    """Turn psycopg's errors inside the block into ``ServerError`` with SQLSTATE and hint.

    Args:
        doing: what the block does, to open the message, such as ``reading the catalog``.
    """
    try:
        yield
    except psycopg.Error as error:
        raise translate(error, doing) from error


def parse(url: str) -> dict[str, str]:
    """Return libpq's parameters for a URL or connection string.

    Raises:
        UsageError: it cannot be read. Nothing of the text is repeated, since a part of it may be a password.
    """
    text = url.strip()
    scheme = re.match(r"([a-zA-Z0-9]+)(?:\+([a-zA-Z0-9_]+))?://", text)
    if scheme is not None:
        if scheme[1].lower() not in ("postgresql", "postgres"):
            raise UsageError(
                f"The database URL starts with {scheme[0]}; sluicegate works with PostgreSQL only.",
                hint="It should look like postgresql://user@host:5432/database.",
            )
        text = f"postgresql://{text[scheme.end() :]}"
    elif not text:
        raise UsageError("The database URL is empty.", hint="It should look like postgresql://user@host:5432/database.")
    try:
        found = {key: str(value) for key, value in conninfo.conninfo_to_dict(text).items() if value is not None}
    except psycopg.ProgrammingError as error:
        unknown = re.search(r'invalid (?:URI query parameter|connection option):? "(\w+)"', str(error))
        if unknown is not None:
            raise UsageError(
                f"The database URL has a parameter {unknown[1]!r} that PostgreSQL's client library does not know.",
                hint="Remove it, or write libpq's name for it (ssl=require is sslmode=require).",
            ) from None
        raise UsageError("The database URL cannot be read.", hint=_ENCODE) from None
    _refuse_split_password(found)
    return found


def _refuse_split_password(found: Mapping[str, str]) -> None:
    """Refuse a URL whose unencoded password was cut in two: libpq would print one half as host or port."""
    ports = found.get("port", "")
    broken_port = not all(part.isdigit() for part in ports.split(",") if part)
    if broken_port or "@" in found.get("host", "") or "@" in found.get("dbname", ""):
        raise UsageError("The database URL cannot be read: host, port and database do not come apart.", hint=_ENCODE)


def describe(url: str) -> str:
    """Return where a URL leads, without its password: ``app on db.example:5432 as migrator``."""
    found = parse(url)
    place = found.get("host") or found.get("hostaddr") or "the default host"
    if place.startswith("/"):
        place = f"socket {place}"
    elif "port" in found:
        place = f"{place}:{found['port']}"
    user = f" as {found['user']}" if "user" in found else ""
    return f"database {found.get('dbname', '(default)')} on {place}{user}"


def with_database(url: str, database: str) -> str:
    """Return the connection string for another database of the same server."""
    return conninfo.make_conninfo(**{**parse(url), "dbname": database})

"""Bring production's schema, as ``pg_dump --schema-only`` prints it, into an empty scratch database."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

import psycopg
from psycopg import sql

from sluicegate.errors import CouldNotJudgeError, ParseError, UsageError
from sluicegate.pg.connect import translated
from sluicegate.pg.errors import words_of
from sluicegate.statements.nodes import walk
from sluicegate.statements.parse import Statement, parse_script
from sluicegate.statements.script import without_meta_commands

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from psycopg.rows import TupleRow

_DATA = re.compile(r"^COPY\s[^;]*\sFROM\s+stdin;\s*$", re.MULTILINE | re.IGNORECASE)

_SERVER_WIDE = frozenset(
    {
        *("createdb_stmt", "alter_database_stmt", "alter_database_set_stmt", "create_role_stmt", "alter_role_stmt"),
        *("alter_role_set_stmt", "create_table_space_stmt", "create_subscription_stmt", "alter_subscription_stmt"),
    }
)
"""What a dump may hold for the whole server; none of it decides what a migration does to a table."""

_DOES_NOT_EXIST = "42704"
_ALREADY_THERE = frozenset({"42P06", "42710"})
_UNPOPULATED = """
SELECT n.nspname, c.relname FROM pg_catalog.pg_class AS c
JOIN pg_catalog.pg_namespace AS n ON n.oid = c.relnamespace
WHERE c.relkind = 'm' AND NOT c.relispopulated
ORDER BY c.oid
"""


@dataclass(frozen=True, slots=True)
class Restored:
    """What a restore did beside the dump itself.

    Attributes:
        roles: roles that were created because the dump names them; they cannot log in.
        skipped: settings of the dump that this server does not know.
    """

    roles: tuple[str, ...]
    skipped: tuple[str, ...]


def restore_schema(connection: psycopg.Connection[TupleRow], text: str, name: str) -> Restored:
    """Run a schema dump in an empty database.

    Roles that the dump names are created without login, settings that an older server does not know are left out,
    materialized views are populated (they are in production; a schema dump never says so).

    Args:
        connection: an autocommit connection of a user who may create everything in the dump.
        text: the dump.
        name: the dump's file name, for messages.

    Raises:
        UsageError: the dump holds rows.
        CouldNotJudgeError: it is no SQL, needs extensions that the server lacks, or the server refuses a statement.
    """
    statements = read_dump(text, name)
    with translated(f"restoring {name}"):
        _require_extensions(connection, statements, name)
        roles = _create_roles(connection, statements)
        skipped: list[str] = []
        with connection.transaction():
            for statement in statements:
                _run(connection, statement, text, name, skipped)
        _populate(connection)
    return Restored(roles, tuple(skipped))


def read_dump(text: str, name: str) -> tuple[Statement, ...]:
    """Parse a schema dump, without psql's commands and what concerns the whole server.

    Raises:
        UsageError: the dump holds rows.
        CouldNotJudgeError: it is no SQL.
    """
    if match := _DATA.search(text):
        raise UsageError(
            f"{name}:{_line(text, match.start())} holds rows, not only a schema.",
            hint="Write it with: pg_dump --schema-only.",
        )
    try:
        # \restrict and \unrestrict came with the minor releases of August 2025, \connect with pg_dump --create.
        statements = parse_script(without_meta_commands(text))
    except ParseError as error:
        raise CouldNotJudgeError(
            f"{name}:{_line(text, error.offset or 0)} cannot be read as SQL: {error.message}",
            hint="Write it as plain text with: pg_dump --schema-only.",
        ) from error
    return tuple(statement for statement in statements if statement.kind not in _SERVER_WIDE)


def _run(
    connection: psycopg.Connection[TupleRow], statement: Statement, text: str, name: str, skipped: list[str]
) -> None:
    forgiving = statement.kind in ("variable_set_stmt", "create_schema_stmt")
    try:
        if forgiving:
            with connection.transaction():
                connection.execute(statement.sql.encode())
        else:
            connection.execute(statement.sql.encode())
    except psycopg.Error as error:
        if forgiving and error.sqlstate == _DOES_NOT_EXIST:
            skipped.append(statement.sql)
        elif not (forgiving and error.sqlstate in _ALREADY_THERE):
            first = " ".join(statement.sql.split())
            raise CouldNotJudgeError(
                f"{name}:{_line(text, statement.start)} cannot be restored: {words_of(error)}, at: {first[:80]}",
                hint="A newer server's dump needs that version: try --pg-version, or --database-url of such a server.",
            ) from error


def _require_extensions(connection: psycopg.Connection[TupleRow], statements: Iterable[Statement], name: str) -> None:
    wanted = {statement.node.extname for statement in statements if statement.kind == "create_extension_stmt"}
    known = {row[0] for row in connection.execute("SELECT name FROM pg_catalog.pg_available_extensions").fetchall()}
    if missing := sorted(wanted - known):
        raise CouldNotJudgeError(
            f"{name} needs extensions that this server does not have: {', '.join(missing)}.",
            hint="Name a scratch database on a server that has them, with --database-url.",
        )


def _create_roles(connection: psycopg.Connection[TupleRow], statements: Sequence[Statement]) -> tuple[str, ...]:
    named = {
        node.rolename
        for statement in statements
        for node in walk(statement.node)
        if node.DESCRIPTOR.name == "RoleSpec" and node.rolename
    }
    known = {row[0] for row in connection.execute("SELECT rolname FROM pg_catalog.pg_roles").fetchall()}
    missing = tuple(sorted(named - known))
    for role in missing:
        connection.execute(sql.SQL("CREATE ROLE {} NOLOGIN").format(sql.Identifier(role)))
    return missing


def _populate(connection: psycopg.Connection[TupleRow]) -> None:
    """Refresh materialized views until none is left that can be; one may read another."""
    while views := connection.execute(_UNPOPULATED).fetchall():
        populated = 0
        for schema, view in views:
            try:
                connection.execute(sql.SQL("REFRESH MATERIALIZED VIEW {}").format(sql.Identifier(schema, view)))
            except psycopg.Error:
                continue
            populated += 1
        if not populated:
            return


def _line(text: str, offset: int) -> int:
    return text.count("\n", 0, offset) + 1

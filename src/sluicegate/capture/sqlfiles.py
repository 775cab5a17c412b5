"""SQL files ─▶ the statements that a tool would send, each with its place, transaction and session settings.

``capture_sql(source, file)`` takes a path or the text itself. How a file's statements share transactions is the
tool's matter, so the tool is told by the file's name and its marks unless it is given:

======================  ==========================================================================================
psql                    each statement is its own transaction unless the file says BEGIN
dbmate                  ``-- migrate:up`` in one transaction; with ``transaction:false`` as one request, see below
golang-migrate          ``*.up.sql``: one request; several statements in one request share an implicit transaction
goose                   ``-- +goose Up`` in one transaction, unless the file says ``-- +goose NO TRANSACTION``
Flyway                  ``V1__name.sql``: one transaction, unless a statement forbids it or a .conf file says so
Prisma                  ``migrations/*/migration.sql``: one request
======================  ==========================================================================================

Sources: README of dbmate 2 ("Migration options"), README of goose 3 ("SQL Migrations"), golang-migrate's
database/postgres README ("Multi-statement mode"), Flyway documentation ("executeInTransaction", "mixed"), Prisma's
schema engine (``raw_cmd``), and PostgreSQL 18 manual, 54.2.2.1 "Multiple Statements in a Simple Query".
"""

from __future__ import annotations

import bisect
import enum
import re
from pathlib import Path
from typing import TYPE_CHECKING

from sluicegate.capture.model import CapturedRevision, CapturedStatement, CaptureMode
from sluicegate.capture.session import SessionTracker
from sluicegate.findings import Location
from sluicegate.statements import nodes
from sluicegate.statements.script import Unreadable, read_script, without_meta_commands

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from sluicegate.statements.parse import Statement

STANDARD_INPUT = "-"
SIZE_LIMIT = 64 * 1024 * 1024
"""Bytes; a larger file is data, not a migration."""


class SqlTool(enum.StrEnum):
    """What runs a file."""

    PSQL = "psql"
    DBMATE = "dbmate"
    GOOSE = "goose"
    GOLANG_MIGRATE = "golang-migrate"
    FLYWAY = "flyway"
    PRISMA = "prisma"


class _Wrapping(enum.Enum):
    """How a tool groups a file's statements."""

    NONE = enum.auto()
    ONE_TRANSACTION = enum.auto()
    ONE_REQUEST = enum.auto()


def capture_sql(
    source: Path | str,
    file: str | None = None,
    *,
    tool: SqlTool | None = None,
    settings: Mapping[str, str] | None = None,
) -> CapturedRevision:
    """Read an SQL file.

    A file that cannot be read as a whole is PARTIAL (or UNREADABLE when nothing in it can be read) and says why; that
    is never an exception.

    Args:
        source: the file's path, or its text.
        file: the name that findings show; the path, or ``-`` for text, if left out.
        tool: what runs the file; found from its name and content if left out.
        settings: session settings that the tool's connection makes, lower-case name → value.
    """
    problems: list[tuple[str, Location | None]] = []
    if isinstance(source, Path):
        shown = file or str(source)
        text = _read(source, shown, problems)
    else:
        shown, text = file or STANDARD_INPUT, source.removeprefix("\N{ZERO WIDTH NO-BREAK SPACE}")
    if text is None:
        return _captured(shown, "", (), problems)
    tool = tool or _tool(shown, text)
    lines = _Lines(text, shown)
    marks = _MARKS.get(tool)
    begin, end = _up_section(text, marks) if marks is not None else (0, len(text))
    readable: list[Statement] = []
    for part in read_script(_outside_blanked(text, begin, end)):
        if isinstance(part, Unreadable):
            place = part.error.offset if part.error.offset is not None else part.start
            problems.append((f"PostgreSQL's parser says: {part.error.message}", lines.at(place, part.end)))
        else:
            readable.append(part)
    problems += _commands_of_psql(text, begin, end, lines)
    wrapping = _wrapping(tool, shown, text, readable)
    statements = _statements(readable, wrapping, lines, settings or {})
    return _captured(shown, text, statements, sorted(problems, key=_place))


def _captured(
    file: str, text: str, statements: Iterable[CapturedStatement], problems: list[tuple[str, Location | None]]
) -> CapturedRevision:
    statements = tuple(statements)
    mode = CaptureMode.RECORDED
    if problems:
        mode = CaptureMode.PARTIAL if statements else CaptureMode.UNREADABLE
    return CapturedRevision(
        revision=None,
        down_revisions=(),
        file=file,
        mode=mode,
        statements=statements,
        reason=problems[0][0] if problems else None,
        reason_location=problems[0][1] if problems else None,
        source=text,
        more_reasons=tuple(problems[1:]),
    )


def _place(problem: tuple[str, Location | None]) -> int:
    return problem[1].line if problem[1] is not None else 0


def _read(path: Path, shown: str, problems: list[tuple[str, Location | None]]) -> str | None:
    try:
        size = path.stat().st_size
        data = path.read_bytes() if size <= SIZE_LIMIT else b""
    except OSError as error:
        problems.append((f"the file cannot be read: {error.strerror or error}", Location(shown)))
        return None
    if size > SIZE_LIMIT:
        problems.append((f"the file has {size:,} bytes; more than {SIZE_LIMIT:,} are not read", Location(shown)))
        return None
    encoding = "utf-16" if data.startswith((b"\xff\xfe", b"\xfe\xff")) else "utf-8-sig"
    try:
        return data.decode(encoding)
    except UnicodeDecodeError as error:
        before = data[: error.start]
        line = before.count(b"\n") + 1
        column = len(before[before.rfind(b"\n") + 1 :].decode(errors="replace")) + 1
        wanted = encoding.removesuffix("-sig").upper()
        message = f"the file is not {wanted}: byte 0x{data[error.start]:02X} and others like it are read as \ufffd"
        problems.append((message, Location(shown, line, column, line, column + 1)))
        return data.decode(encoding, errors="replace")


# -- statements ---------------------------------------------------------------------------------------------------


def _statements(
    statements: list[Statement], wrapping: _Wrapping, lines: _Lines, settings: Mapping[str, str]
) -> Iterable[CapturedStatement]:
    session = SessionTracker(settings=settings)
    # A request with a single statement is a transaction of its own, which CREATE INDEX CONCURRENTLY accepts.
    implicit = wrapping is _Wrapping.ONE_REQUEST and len(statements) > 1
    if wrapping is _Wrapping.ONE_TRANSACTION:
        session.begin()
    for statement in statements:
        if implicit:
            session.begin()
        session.before(statement)
        place = lines.at(statement.start, statement.end)
        yield CapturedStatement(
            sql=statement.sql,
            location=place,
            upgrade_location=place,
            transaction=session.transaction,
            settings=session.settings,
            local_settings=session.local_settings,
            autocommit=not session.in_transaction,
            origin="file",
        )
        session.after(statement)


class _Lines:
    """Offsets of a text as lines and columns."""

    def __init__(self, text: str, file: str) -> None:
        self._file = file
        self._starts = [0, *(match.end() for match in re.finditer(r"\r\n|\r|\n", text))]

    def at(self, start: int, end: int) -> Location:
        """Return the place of a range of characters."""
        line, column = self._line(start)
        end_line, end_column = self._line(max(start, end))
        return Location(self._file, line, column, end_line, end_column)

    def _line(self, offset: int) -> tuple[int, int]:
        line = bisect.bisect_right(self._starts, offset)
        return line, offset - self._starts[line - 1] + 1


# -- ways back ----------------------------------------------------------------------------------------------------


def ways_back(paths: Iterable[Path]) -> dict[Path, Path]:
    """Return the files that take another one of them back, each with the one that it takes back.

    No deploy runs both: ``1_name.up.sql`` and ``1_name.down.sql``, ``up.sql`` and ``down.sql`` of a folder, and
    Flyway's ``V1__name.sql`` and ``U1__name.sql``.
    """
    given = {(path.parent, path.name.lower()): path for path in paths}
    found = {}
    for (folder, name), path in given.items():
        forward = None
        if name.endswith(".down.sql") or name == "down.sql":
            forward = given.get((folder, name.removesuffix("down.sql") + "up.sql"))
        elif name.startswith("u") and _FLYWAY_NAME.fullmatch(name):
            number = name[1:].partition("__")[0]
            same = (other for (where, _), other in given.items() if where == folder)
            forward = next((o for o in same if o.name.lower().startswith(f"v{number}__")), None)
        if forward is not None:
            found[path] = forward
    return found


# -- tools --------------------------------------------------------------------------------------------------------

_DBMATE_MARK = re.compile(r"^--\s*migrate:(?P<which>up|down)(?P<options>[^\n]*)$", re.MULTILINE)
_GOOSE_MARK = re.compile(r"^--\s*\+goose\s+(?P<which>up|down)\s*$", re.MULTILINE | re.IGNORECASE)
_GOOSE_APART = re.compile(r"^--\s*\+goose\s+no\s+transaction\s*$", re.MULTILINE | re.IGNORECASE)
_MARKS = {SqlTool.DBMATE: _DBMATE_MARK, SqlTool.GOOSE: _GOOSE_MARK}
"""What tells the ways up and down apart in a file that holds both."""
_FLYWAY_NAME = re.compile(r"(?:[VU][0-9][0-9A-Za-z._]*|[RB][0-9._]*)__.+\.sql", re.IGNORECASE)
_GOLANG_NAME = re.compile(r".+\.(?:up|down)\.sql", re.IGNORECASE)


def _tool(file: str, text: str) -> SqlTool:
    name = Path(file).name
    if _DBMATE_MARK.search(text):
        return SqlTool.DBMATE
    if _GOOSE_MARK.search(text):
        return SqlTool.GOOSE
    if _GOLANG_NAME.fullmatch(name):
        return SqlTool.GOLANG_MIGRATE
    if _FLYWAY_NAME.fullmatch(name):
        return SqlTool.FLYWAY
    return SqlTool.PRISMA if name == "migration.sql" else SqlTool.PSQL


def _wrapping(tool: SqlTool, file: str, text: str, statements: list[Statement]) -> _Wrapping:
    if tool is SqlTool.PSQL:
        return _Wrapping.NONE
    if tool in (SqlTool.GOLANG_MIGRATE, SqlTool.PRISMA):
        return _Wrapping.ONE_REQUEST
    if tool is SqlTool.DBMATE:
        up = next((mark for mark in _DBMATE_MARK.finditer(text) if mark["which"] == "up"), None)
        apart = up is not None and re.search(r"\btransaction:\s*false\b", up["options"])
        return _Wrapping.ONE_REQUEST if apart else _Wrapping.ONE_TRANSACTION
    if tool is SqlTool.GOOSE:
        return _Wrapping.NONE if _GOOSE_APART.search(text) else _Wrapping.ONE_TRANSACTION
    configured = _flyway_says(file)
    if configured is None:
        configured = not any(map(_forbids_transaction, statements))
    return _Wrapping.ONE_TRANSACTION if configured else _Wrapping.NONE


def _flyway_says(file: str) -> bool | None:
    """Return ``executeInTransaction`` of the file's own configuration, which has its name and ``.conf``."""
    path = Path(file + ".conf")
    try:
        text = path.read_text(encoding="utf-8") if path.is_file() else ""
    except (OSError, UnicodeDecodeError, ValueError):
        return None
    match = re.search(r"^\s*executeInTransaction\s*=\s*(true|false)\s*$", text, re.MULTILINE | re.IGNORECASE)
    return None if match is None else match.group(1).lower() == "true"


def _forbids_transaction(statement: Statement) -> bool:
    """Tell whether Flyway runs the file without a transaction because of this statement.

    Source: Flyway's PostgreSQLParser, ``detectCanExecuteInTransaction``.
    """
    node = statement.node
    if statement.kind in ("vacuum_stmt", "createdb_stmt", "dropdb_stmt", "alter_system_stmt", "discard_stmt"):
        return statement.kind != "vacuum_stmt" or bool(node.is_vacuumcmd)
    if statement.kind in ("create_table_space_stmt", "drop_table_space_stmt", "create_subscription_stmt"):
        return True
    if statement.kind in ("index_stmt", "drop_stmt"):
        return bool(node.concurrent)
    if statement.kind == "alter_enum_stmt":
        return not node.old_val  # ADD VALUE
    return statement.kind == "reindex_stmt" and bool(nodes.options(node.params).get("concurrently"))


def _up_section(text: str, pattern: re.Pattern[str]) -> tuple[int, int]:
    marks = list(pattern.finditer(text))
    up = next((mark for mark in marks if mark["which"].lower() == "up"), None)
    if up is None:
        return 0, 0  # a file that only goes down
    after = next((mark.start() for mark in marks if mark.start() > up.end()), len(text))
    return up.end(), after


def _outside_blanked(text: str, begin: int, end: int) -> str:
    if begin == 0 and end == len(text):
        return text
    return re.sub(r"[^\n]", " ", text[:begin]) + text[begin:end]


_RUNS_MORE = re.compile(r"\\(?:i|ir|include|include_relative|copy|gexec|g|gx|if|elif)\b.*")


def _commands_of_psql(text: str, begin: int, end: int, lines: _Lines) -> list[tuple[str, Location | None]]:
    """Return psql's meta-commands that do something to the database, which is not followed."""
    plain = without_meta_commands(text)
    found: list[tuple[str, Location | None]] = []
    if plain == text:
        return found
    for match in re.finditer(r"^[ \t]*(?P<command>\\[^\r\n]*)", text, re.MULTILINE):
        start = match.start("command")
        if begin <= start < end and plain[start] != "\\" and _RUNS_MORE.match(match["command"]):
            place = lines.at(start, match.end())
            found.append((f"what psql does for {match['command'].split()[0]} is not read", place))
    return found

"""Find backfills in their folder and load them by path; an error names file and line."""

from __future__ import annotations

import ast
import re
import runpy
import traceback
from typing import TYPE_CHECKING

from sluicegate.backfill.definition import CHUNK, Apply, Backfill, DefinitionError, LoadedBackfill, Sidecar
from sluicegate.backfill.implied import CHUNK_NAME, chunk_places
from sluicegate.errors import ParseError, SettingError, UsageError
from sluicegate.settings.operational import BATCH_SIZE, SLEEP
from sluicegate.statements.parse import parse_statement

if TYPE_CHECKING:
    from pathlib import Path

FILE_NAME = re.compile(r"(?P<number>[0-9]{4,})_(?P<slug>[a-z0-9][a-z0-9_]*)\.py")
"""``NNNN_slug.py``: the number says which one is meant, the slug what it does."""

_WRITES = ("insert_stmt", "update_stmt", "delete_stmt", "merge_stmt", "select_stmt")


def find(folder: Path) -> tuple[Path, ...]:
    """Return the files of a folder that hold backfills, by name.

    Raises:
        UsageError: there is no such folder, or a Python file in it is not called ``NNNN_slug.py``.
    """
    if not folder.is_dir():
        raise UsageError(
            f"There is no folder {folder} with backfills.",
            hint="Create it with: sluicegate init; or name it with --dir.",
        )
    files = sorted(path for path in folder.glob("*.py") if not path.name.startswith(("_", ".")))
    for path in files:
        if FILE_NAME.fullmatch(path.name) is None:
            raise UsageError(
                f"{path} is not called like a backfill.",
                hint="Call it NNNN_slug.py, with the number of its expand revision: 0003_event_status.py.",
            )
    return tuple(files)


def select(folder: Path, name: str) -> Path:
    """Return the one file that is meant by a number, a name or a file name.

    Raises:
        UsageError: none or several are.
    """
    files = find(folder)
    wanted = name.rsplit("/", 1)[-1].removesuffix(".py")
    found = [path for path in files if wanted in (path.stem, path.stem.split("_", 1)[0])]
    if len(found) == 1:
        return found[0]
    if found:
        raise UsageError(
            f"{len(found)} backfills have the number {wanted}.",
            hint=f"Name one in full: {', '.join(path.stem for path in found)}.",
        )
    known = ", ".join(path.stem for path in files) or "none"
    raise UsageError(f"There is no backfill {name!r} in {folder}.", hint=f"There are: {known}.")


def load_all(folder: Path) -> tuple[LoadedBackfill, ...]:
    """Load every backfill of a folder, by name.

    Raises:
        UsageError: as ``find`` and ``load`` do.
    """
    return tuple(load(path) for path in find(folder))


def load(path: Path) -> LoadedBackfill:
    """Load one backfill from its file.

    Raises:
        UsageError: the file cannot be read or run, defines no ``backfill``, or what it defines makes no sense; the
            message names the file, the line where there is one, what is wrong and what to do.
        SettingError: its batch size or sleep is outside the range.
    """
    try:
        source = path.read_text(encoding="utf-8")
    except OSError as error:
        raise UsageError(f"{path} cannot be read: {error.strerror}.") from error
    match = FILE_NAME.fullmatch(path.name)
    if match is None:
        raise UsageError(f"{path} is not called like a backfill.", hint="Call it NNNN_slug.py.")
    try:
        # Run, not imported: the folder is no package and its files must not stay in sys.modules.
        names = runpy.run_path(str(path))
    except DefinitionError as error:
        raise _at(path, source, error) from error
    except SyntaxError as error:
        raise UsageError(f"{path}:{error.lineno}: not valid Python: {error.msg}.", hint="Correct that line.") from error
    except Exception as error:
        line = next(
            (f.lineno for f in reversed(traceback.extract_tb(error.__traceback__)) if f.filename == str(path)), 1
        )
        raise UsageError(
            f"{path}:{line}: running the file raised {type(error).__name__}: {error}",
            hint="A backfill's file only defines `backfill = Backfill(...)`; correct that line.",
        ) from error
    definition = names.get("backfill")
    if not isinstance(definition, Backfill):
        raise UsageError(
            f"{path} defines no `backfill`.",
            hint="Write: from sluicegate import Backfill, HighWatermark; backfill = Backfill(...).",
        )
    try:
        _check_sql(definition)
    except DefinitionError as error:
        raise _at(path, source, error) from error
    _check_pace(path, source, definition)
    return LoadedBackfill(path.stem, match["number"], path, definition)


def _check_pace(path: Path, source: str, definition: Backfill) -> None:
    for kind, value in ((BATCH_SIZE, definition.batch_size), (SLEEP, definition.sleep)):
        if value is not None:
            try:
                kind.check(value, str(path))
            except SettingError:
                raise kind.refused(value, f"{path}:{_line_of(source, kind.key)}") from None


def _check_sql(definition: Backfill) -> None:
    """Parse the author's fragments with PostgreSQL's grammar, before any server is asked."""
    fragments = {"where": definition.where, "done": definition.done}
    if isinstance(definition.tracking, Sidecar) and definition.tracking.source is not None:
        fragments["tracking"] = definition.tracking.source
    for field_name, text in fragments.items():
        # The line ends keep a comment in the fragment from swallowing the parenthesis.
        _parse(field_name, f"SELECT (\n{text}\n)", len("SELECT (\n"))
    if isinstance(definition.apply, Apply):
        return
    shown = definition.apply.replace(CHUNK, CHUNK_NAME)
    if _parse("apply", shown, 0) not in _WRITES:
        raise DefinitionError(
            "apply",
            "apply is not an INSERT, UPDATE, DELETE, MERGE or SELECT.",
            hint="DDL belongs into a revision; transactions are the engine's.",
        )
    if not chunk_places(shown):
        raise DefinitionError(
            "apply",
            "apply says {chunk} only in a string or a comment, so it would touch the whole table at once.",
            hint="Read the rows from the chunk: … FROM {chunk} AS row.",
        )


def _parse(field_name: str, sql: str, shift: int) -> str:
    try:
        return parse_statement(sql).kind
    except ParseError as error:
        place = ""
        if error.offset is not None and error.offset >= shift:
            rest = sql[error.offset : error.offset + 30].split("\n")[0].replace(CHUNK_NAME, CHUNK)
            place = f" near {rest!r}" if rest else ""
        raise DefinitionError(
            field_name,
            f"{field_name} is not valid SQL{place}: {error.message}",
            hint="Correct the SQL of this argument.",
        ) from error


def _at(path: Path, source: str, error: DefinitionError) -> UsageError:
    return UsageError(f"{path}:{_line_of(source, error.field_name)}: {error.message}", hint=error.hint)


def _line_of(source: str, field_name: str) -> int:
    """Return the line of an argument of ``Backfill(...)``; the call's line when the argument is not there."""
    line = 1
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Call) and getattr(node.func, "id", getattr(node.func, "attr", "")) == "Backfill":
            line = node.lineno
            for argument in node.keywords:
                if argument.arg == field_name:
                    return argument.value.lineno
    return line

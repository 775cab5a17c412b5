"""Which line of a revision is running: from stack frames to ranges of source text."""

from __future__ import annotations

import ast
import dis
import io
import itertools
import os
import re
import sys
import tokenize
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING

from sluicegate.findings import Location

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator
    from types import CodeType, FrameType, TracebackType

_LINE_END = re.compile(r"\r\n|\r|\n")


@dataclass(frozen=True, slots=True)
class Spot:
    """A running line of a revision.

    Attributes:
        location: the innermost frame inside the watched folders.
        upgrade_location: the outermost such frame, which is ``upgrade()`` itself.
        origin: ``op``, ``execute`` or ``orm``, as ``CapturedStatement.origin``.
        operation: the Alembic operation between the revision and the statement, else empty.
    """

    location: Location
    upgrade_location: Location
    origin: str = "execute"
    operation: str = ""


class Places:
    """Find the revision's own lines on the stack."""

    def __init__(self, folders: Iterable[Path], *, working_directory: Path) -> None:
        """Watch these folders; locations are given relative to the working directory where they lie below it."""
        self._folders = tuple(str(folder.resolve()) + os.sep for folder in folders)
        self._working_directory = working_directory.resolve()
        self._watched: dict[str, str | None] = {}

    def display(self, path: Path | str) -> str:
        """Return a file's name as findings show it."""
        resolved = Path(path).resolve()
        if resolved.is_relative_to(self._working_directory):
            return str(resolved.relative_to(self._working_directory))
        return str(resolved)

    def watches(self, file: str) -> bool:
        """Tell whether a source file, named as code objects name it, lies in the watched folders."""
        return self._watched_file(file) is not None

    def called_by_revision(self) -> bool:
        """Tell whether the function that asks was called by a revision itself, not by a library."""
        return self.watches(sys._getframe(2).f_code.co_filename)  # noqa: SLF001 - the caller's file

    def current(self) -> Spot | None:
        """Return the line that is running now, or None when no revision is on the stack."""
        origin, operation = "execute", ""
        found: list[Location] = []
        for frame in _callers():
            file = self._watched_file(frame.f_code.co_filename)
            if file is not None:
                found.append(location_of(file, frame.f_code, frame.f_lasti, shown=self.display(file)))
            elif not found:
                origin, operation = _origin(frame, origin, operation)
        return Spot(found[0], found[-1], origin, operation) if found else None

    def catches(self, location: Location, error: type[BaseException]) -> bool:
        """Tell whether a line stands in a ``try`` whose handlers name this error, or one of its bases."""
        names = {kind.__name__ for kind in error.__mro__ if kind is not object}
        file = Path(location.file)
        path = file if file.is_absolute() else self._working_directory / file
        return any(location.line in lines and handled & names for lines, handled in guarded_lines(str(path)))

    def of_traceback(self, traceback: TracebackType | None) -> Location | None:
        """Return the innermost watched line that an exception passed through."""
        found = None
        while traceback is not None:
            code = traceback.tb_frame.f_code
            file = self._watched_file(code.co_filename)
            if file is not None:
                found = location_of(file, code, traceback.tb_lasti, shown=self.display(file))
            traceback = traceback.tb_next
        return found

    def _watched_file(self, name: str) -> str | None:
        if name not in self._watched:
            # Code without a file is named "<string>"; as a path that would lie wherever the process stands.
            path = os.path.realpath(name)
            inside = not name.startswith("<") and path.startswith(self._folders)
            self._watched[name] = path if inside else None
        return self._watched[name]


_FOR_ITER = dis.opmap["FOR_ITER"]
_GET_ITER = bytes([dis.opmap["GET_ITER"], 0])


def location_of(file: str, code: CodeType, instruction: int, *, shown: str) -> Location:
    """Return the source range of a byte-code instruction, columns in characters."""
    if code.co_code[instruction] == _FOR_ITER:
        # Fetching the next row has the whole loop for its place; where the loop takes its rows from says more.
        instruction = code.co_code.rfind(_GET_ITER, 0, instruction) - 2
    line, end_line, column, end_column = next(
        itertools.islice(code.co_positions(), max(instruction, 0) // 2, None), (None, None, None, None)
    )
    if line is None:
        return Location(shown, code.co_firstlineno, 1, code.co_firstlineno, 1)
    end_line = line if end_line is None else end_line
    return Location(
        shown,
        line,
        _characters(file, line, column or 0) + 1,
        end_line,
        _characters(file, end_line, end_column or 0) + 1,
    )


def decode_source(data: bytes) -> str:
    """Return a Python file's text as the interpreter reads it: byte order mark, coding cookie, else UTF-8.

    Raises:
        SyntaxError: the cookie names no known encoding, or the bytes are not in it.
    """
    encoding, _ = tokenize.detect_encoding(io.BytesIO(data).readline)
    try:
        return data.decode(encoding)
    except UnicodeDecodeError as error:
        raise SyntaxError(f"the file is not {encoding}: {error}") from error


@lru_cache(maxsize=64)
def _lines(file: str) -> tuple[str, ...]:
    try:
        return tuple(_LINE_END.split(decode_source(Path(file).read_bytes())))
    except (OSError, SyntaxError):
        return ()


@lru_cache(maxsize=512)
def guarded_lines(file: str) -> tuple[tuple[range, frozenset[str]], ...]:
    """Return the bodies of a file's ``try`` statements, with the names of what their handlers catch."""
    try:
        tree = ast.parse(Path(file).read_bytes())
    except (OSError, SyntaxError, ValueError):
        return ()
    return tuple(
        (
            range(node.body[0].lineno, (node.body[-1].end_lineno or node.body[-1].lineno) + 1),
            frozenset(name for handler in node.handlers for name in _caught(handler)),
        )
        for node in ast.walk(tree)
        if isinstance(node, ast.Try)
    ) + tuple(
        (range(node.lineno, (node.end_lineno or node.lineno) + 1), frozenset(_suppressed(node)))
        for node in ast.walk(tree)
        if isinstance(node, ast.With)
    )


def _suppressed(node: ast.With) -> Iterator[str]:
    """Yield the errors that ``with suppress(…)`` swallows."""
    for item in node.items:
        call = item.context_expr
        if isinstance(call, ast.Call) and _name(call.func) == "suppress":
            yield from filter(None, map(_name, call.args))


def _name(node: ast.expr) -> str:
    if isinstance(node, ast.Name):
        return node.id
    return node.attr if isinstance(node, ast.Attribute) else ""


def _caught(handler: ast.ExceptHandler) -> Iterator[str]:
    if handler.type is None:
        yield "BaseException"
        return
    for node in handler.type.elts if isinstance(handler.type, ast.Tuple) else [handler.type]:
        if isinstance(node, ast.Name):
            yield node.id
        elif isinstance(node, ast.Attribute):
            yield node.attr


def _characters(file: str, line: int, offset: int) -> int:
    """Turn a UTF-8 byte offset, which code objects hold, into characters."""
    lines = _lines(file)
    if line > len(lines) or lines[line - 1].isascii():
        return offset
    return len(lines[line - 1].encode()[:offset].decode(errors="ignore"))


def _callers() -> Iterator[FrameType]:
    frame: FrameType | None = sys._getframe(2)  # noqa: SLF001 - the documented way to the calling frames
    while frame is not None:
        yield frame
        frame = frame.f_back


_ORM = f"{os.sep}sqlalchemy{os.sep}orm{os.sep}"
_OPERATIONS = f"{os.sep}alembic{os.sep}operations{os.sep}base.py"


def _origin(frame: FrameType, origin: str, operation: str) -> tuple[str, str]:
    code = frame.f_code
    if code.co_name == "invoke" and code.co_filename.endswith(_OPERATIONS):
        kind = type(frame.f_locals.get("operation")).__name__
        name = re.sub(r"(?<=[a-z0-9])(?=[A-Z])", "_", kind.removesuffix("Op")).lower()
        # batch_alter_table() runs its operations itself, so the outermost one on the stack is what was written.
        return ("execute", "execute") if name == "execute_sql" else ("op", name)
    if origin == "execute" and _ORM in code.co_filename:
        return "orm", operation
    return origin, operation

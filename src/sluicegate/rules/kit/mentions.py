"""Paths that a file's comments and docstrings name, with their places."""

from __future__ import annotations

import ast
import io
import re
import tokenize
from dataclasses import dataclass
from typing import TYPE_CHECKING

from sluicegate.errors import ParseError
from sluicegate.findings import Location
from sluicegate.statements.comments import comments

if TYPE_CHECKING:
    from collections.abc import Iterator

# At least one folder and a file with an extension that programs and their data have. Not in a URL, not an absolute path
# (that is another machine's), not a pattern such as NNNN_*.py.
_PATH = re.compile(
    r"(?<![\w./:~*<>{}\\-])(?P<path>(?:\.{1,2}/)*(?:[\w.-]+/)+[\w.-]+\.(?:py|sh|sql|toml|ya?ml|json|md|ini|js|ts|rb|go))(?![\w/*<>{}-])"
)

# Every path ends like this, whatever stands around it.
_END_OF_PATH = re.compile(r"/[\w.-]+\.(?:py|sh|sql|toml|ya?ml|json|md|ini|js|ts|rb|go)")


@dataclass(frozen=True, slots=True)
class Mention:
    """A path and where it is named."""

    path: str
    location: Location


def mentioned_paths(file: str, source: str) -> Iterator[Mention]:
    """Yield the paths in comments and docstrings; a file that cannot be read names none."""
    if not _END_OF_PATH.search(source):
        return  # most files: they need not be read once more
    for line, column, text in _sql_comments(source) if file.endswith(".sql") or file == "-" else _prose(source):
        for offset, piece in enumerate(text.split("\n")):
            for match in _PATH.finditer(piece):
                path = match["path"]
                if "NNNN" in path or "." in path.split("/")[0].lstrip("."):
                    continue  # a placeholder, or a host name
                start = match.start("path") + (column if offset == 0 else 1)
                yield Mention(path, Location(file, line + offset, start, line + offset, start + len(path)))


def _prose(source: str) -> Iterator[tuple[int, int, str]]:
    try:
        tree = ast.parse(source)
        tokens = list(tokenize.generate_tokens(io.StringIO(source).readline))
    except (SyntaxError, tokenize.TokenError, ValueError):
        return
    for token in tokens:
        if token.type == tokenize.COMMENT:
            yield token.start[0], token.start[1] + 1, token.string
    lines = source.splitlines()
    for node in ast.walk(tree):
        if isinstance(node, (ast.Module, ast.FunctionDef, ast.ClassDef)) and ast.get_docstring(node, clean=False):
            docstring = node.body[0]
            text = "\n".join(lines[docstring.lineno - 1 : docstring.end_lineno])
            yield docstring.lineno, 1, text


def _sql_comments(source: str) -> Iterator[tuple[int, int, str]]:
    try:
        found = comments(source)
    except ParseError:
        return
    for comment in found:
        line = source.count("\n", 0, comment.start) + 1
        yield line, comment.start - source.rfind("\n", 0, comment.start), source[comment.start : comment.end]

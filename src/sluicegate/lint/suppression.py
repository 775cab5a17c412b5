"""Comments that allow a finding: ``# sluicegate: allow[rule] reason`` in Python, ``-- sluicegate: …`` in SQL."""

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
from sluicegate.statements.parse import parse_script

if TYPE_CHECKING:
    from collections.abc import Iterator

_NAME = "sluicegate"
_MARK = re.compile(r"sluicegate\s*:")
_FORM = re.compile(r"sluicegate\s*:\s*allow\s*\[(?P<rules>[^\]]*)\]\s*(?P<reason>.*)", re.DOTALL)


@dataclass(frozen=True, slots=True)
class Suppression:
    """A comment that allows findings.

    Attributes:
        rules: the names between the brackets; empty when the comment is malformed.
        reason: why they are allowed, in the author's words.
        location: the comment's place.
        first_line: the first line it covers.
        last_line: the last one.
    """

    rules: tuple[str, ...]
    reason: str
    location: Location
    first_line: int
    last_line: int

    def covers(self, rule: str, first_line: int, last_line: int) -> bool:
        """Tell whether it allows a rule's finding on these lines."""
        return rule in self.rules and self.first_line <= last_line and first_line <= self.last_line


def suppressions(file: str, source: str) -> tuple[Suppression, ...]:
    """Return the suppressions of a revision file or an SQL file; a file that cannot be read has none."""
    if _NAME not in source:
        return ()  # most files: they need not be read once more
    found = _in_sql(file, source) if file.endswith(".sql") or file == "-" else _in_python(file, source)
    return tuple(found)


def about_downgrade(comment: Suppression, source: str) -> bool:
    """Tell whether a comment stands in ``downgrade()``, so that it is about the way back only."""
    try:
        tree = ast.parse(source)
    except (SyntaxError, ValueError):
        return False
    line = comment.location.line
    return any(
        isinstance(node, ast.FunctionDef)
        and node.name.startswith("downgrade")
        and _first_line(node) <= line <= (node.end_lineno or node.lineno)
        for node in tree.body
    )


def _in_python(file: str, source: str) -> Iterator[Suppression]:
    try:
        tree = ast.parse(source)
        tokens = [t for t in tokenize.generate_tokens(io.StringIO(source).readline) if t.type == tokenize.COMMENT]
    except (SyntaxError, tokenize.TokenError, ValueError):
        return
    lines = source.splitlines()
    for token in tokens:
        text = token.string.lstrip("#").strip()
        if _MARK.match(text):
            line, column = token.start
            alone = not lines[line - 1][:column].strip()
            first, last = _statement_lines(tree, line, alone=alone)
            yield _read(text, Location(file, line, column + 1, line, token.end[1] + 1), first, last)


def _statement_lines(tree: ast.Module, line: int, *, alone: bool) -> tuple[int, int]:
    """Return the lines of the statement that a comment belongs to: the one it stands in, or the next one."""
    statements = [node for node in ast.walk(tree) if isinstance(node, ast.stmt)]
    around = [node for node in statements if _first_line(node) <= line <= (node.end_lineno or node.lineno)]
    inner = min(around, key=lambda node: (node.end_lineno or node.lineno) - _first_line(node), default=None)
    if inner is not None and (not alone or not hasattr(inner, "body")):
        return _first_line(inner), inner.end_lineno or inner.lineno
    following = [node for node in statements if _first_line(node) > line]
    if inner is not None:
        following = [node for node in following if (node.end_lineno or 0) <= (inner.end_lineno or 0)]
    if not following:
        return line, line
    start = min(_first_line(node) for node in following)
    outer = max((node for node in following if _first_line(node) == start), key=lambda node: node.end_lineno or 0)
    return start, outer.end_lineno or start


def _first_line(node: ast.stmt) -> int:
    decorators: list[ast.expr] = getattr(node, "decorator_list", [])
    return min([node.lineno, *(decorator.lineno for decorator in decorators)])


def _in_sql(file: str, source: str) -> Iterator[Suppression]:
    try:
        found = [comment for comment in comments(source) if _MARK.match(comment.text)]
        statements = parse_script(source) if found else ()
    except ParseError:
        return
    for comment in found:
        line = _line(source, comment.start)
        own = [s for s in statements if _line(source, s.start) <= line <= _line(source, s.end)]
        following = [s for s in statements if s.start > comment.start]
        target = following[0] if following and (comment.alone and not own) else (own[-1] if own else None)
        first = _line(source, target.start) if target else line
        last = _line(source, target.end) if target else line
        column = comment.start - source.rfind("\n", 0, comment.start)
        end_column = column + comment.end - comment.start
        yield _read(comment.text, Location(file, line, column, line, end_column), first, last)


def _line(source: str, offset: int) -> int:
    return source.count("\n", 0, offset) + 1


def _read(text: str, location: Location, first_line: int, last_line: int) -> Suppression:
    match = _FORM.match(text)
    rules = tuple(name.strip() for name in match["rules"].split(",") if name.strip()) if match else ()
    reason = match["reason"].strip() if match else ""
    return Suppression(rules, reason, location, first_line, last_line)

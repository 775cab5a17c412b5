"""Scripts as psql takes them: meta-commands, COPY data, and statements that do not parse beside ones that do."""

from __future__ import annotations

import functools
import re
from dataclasses import dataclass

from sluicegate.errors import ParseError
from sluicegate.statements.parse import Statement, parse_script


@dataclass(frozen=True, slots=True)
class Unreadable:
    """A part of a script that PostgreSQL's parser does not accept.

    Attributes:
        sql: its text.
        start: where it begins in the script, in characters.
        end: the character after its last one.
        error: what the parser said; its offset counts from the script's start.
    """

    sql: str
    start: int
    end: int
    error: ParseError


_LEXEMES = r"""
      (?P<string>[eE]'(?:[^'\\]|\\.|'')*(?:'|\Z)|'(?:[^']|'')*(?:'|\Z))
    | (?P<name>"(?:[^"]|"")*(?:"|\Z))
    | (?P<dollar>\$(?P<tag>[A-Za-z_\x80-\U0010ffff][\w\x80-\U0010ffff]*)?\$)
    | (?P<line>--[^\n]*)
    | (?P<block>/\*)
    | (?P<word>[A-Za-z_\x80-\U0010ffff][\w$\x80-\U0010ffff]*)
    | (?P<meta>(?:(?<=\n)|(?<=\A))[ \t]*\\[^\n]*)
    | (?P<mark>[;()])
    """
_BLOCK_EDGE = re.compile(r"/\*|\*/")
_COPY_IN = re.compile(r"copy\b.*\bfrom\s+stdin\b", re.IGNORECASE | re.DOTALL)
_COPY = re.compile("copy", re.IGNORECASE)
_END_OF_DATA = re.compile(r"^\\\.[ \t]*\r?$", re.MULTILINE)
_ROUTINE = re.compile(r"\s*create\s+(or\s+replace\s+)?(function|procedure)\b", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class _Piece:
    start: int
    end: int


def read_script(text: str) -> tuple[Statement | Unreadable, ...]:
    """Read a script's statements in order; what the parser does not accept is reported in its place.

    psql's meta-commands and the data below ``COPY … FROM stdin`` are passed over, as a dump holds them.
    """
    try:
        return parse_script(without_meta_commands(text))
    except ParseError:
        pass
    pieces, plain = _split(text)
    found: list[Statement | Unreadable] = []
    for piece in pieces:
        part = plain[piece.start : piece.end]
        start = piece.start + len(part) - len(part.lstrip())
        try:
            statements = parse_script(part)
        except ParseError as error:
            placed = ParseError(
                error.message, offset=piece.start + (error.offset or 0), hint=error.hint, sqlstate=error.sqlstate
            )
            found.append(Unreadable(part.strip(), start, start + len(part.strip()), placed))
            continue
        found += [Statement(s.sql, s.node, s.kind, piece.start + s.start, piece.start + s.end) for s in statements]
    return tuple(found)


def without_meta_commands(text: str) -> str:
    """Return a script with psql's meta-commands and COPY data blanked out, every other character in its place."""
    return _split(text)[1] if "\\" in text or _COPY.search(text) else text


@functools.cache
def _token() -> re.Pattern[str]:
    # Compiling it takes as long as judging several statements, and most scripts parse as they are.
    return re.compile(_LEXEMES, re.VERBOSE | re.DOTALL)


def _split(text: str) -> tuple[list[_Piece], str]:
    """Cut at the semicolons that end statements, as psql does."""
    pieces: list[_Piece] = []
    blanks: list[tuple[int, int]] = []
    start = position = depth = atomic = 0
    search = _token().search
    while (token := search(text, position)) is not None:
        position = token.end()
        match token.lastgroup if token.lastgroup != "tag" else "dollar":
            case "dollar":
                closing = text.find(token["dollar"], position)
                position = len(text) if closing < 0 else closing + len(token["dollar"])
            case "block":
                position = _end_of_block(text, position)
            case "meta":
                if depth == 0:
                    blanks.append(token.span())
            case "word":
                atomic = _atomic_depth(text, start, token["word"].lower(), atomic)
            case "mark" if token["mark"] == "(":
                depth += 1
            case "mark" if token["mark"] == ")":
                depth = max(depth - 1, 0)
            case "mark" if depth == 0 and atomic == 0:
                pieces.append(_Piece(start, token.start()))
                if _COPY_IN.search(text, start, token.start()) and _code(text, start).lower().startswith("copy"):
                    last = _END_OF_DATA.search(text, position)
                    data_end = last.end() if last is not None else len(text)
                    blanks.append((position, data_end))
                    position = data_end
                start = position
    if text[start:].strip():
        pieces.append(_Piece(start, len(text)))
    return pieces, _blanked(text, blanks)


def _code(text: str, start: int) -> str:
    """Return the first word after comments and blanks."""
    rest = re.compile(r"(?:\s+|--[^\n]*|/\*.*?\*/)*(\w*)", re.DOTALL).match(text, start)
    return rest[1] if rest is not None else ""


def _atomic_depth(text: str, start: int, word: str, depth: int) -> int:
    # The body of a SQL-standard routine (BEGIN ATOMIC … END) holds semicolons of its own.
    if word not in {"begin", "case", "end"} or not _ROUTINE.match(text, _skip(text, start)):
        return depth
    if word == "begin" or (word == "case" and depth > 0):
        return depth + 1
    return max(depth - 1, 0) if word == "end" else depth


def _skip(text: str, start: int) -> int:
    blanks = re.compile(r"(?:\s+|--[^\n]*|/\*.*?\*/)*", re.DOTALL).match(text, start)
    return blanks.end() if blanks is not None else start


def _end_of_block(text: str, position: int) -> int:
    depth = 1
    while depth and (edge := _BLOCK_EDGE.search(text, position)) is not None:
        depth += 1 if edge[0] == "/*" else -1
        position = edge.end()
    return len(text) if depth else position


def _blanked(text: str, spans: list[tuple[int, int]]) -> str:
    if not spans:
        return text
    parts, last = [], 0
    for first, end in spans:
        parts += [text[last:first], re.sub(r"[^\n]", " ", text[first:end])]
        last = end
    return "".join([*parts, text[last:]])

"""PostgreSQL's scanner: where code, comments and statement ends stand in a text that may not even parse."""

from __future__ import annotations

import bisect
from typing import NamedTuple

from postgast import pg_query_pb2 as pg
from postgast.errors import PgQueryError
from postgast.scan import scan as _pg_scan

from sluicegate.errors import ParseError

LINE_COMMENT = pg.SQL_COMMENT
BLOCK_COMMENT = pg.C_COMMENT
COMMENTS = frozenset({LINE_COMMENT, BLOCK_COMMENT})

_SEMICOLON, _COMMA, _OPEN, _CLOSE = pg.ASCII_59, pg.ASCII_44, pg.ASCII_40, pg.ASCII_41
_CHAINING = frozenset(
    {
        *(pg.ASCII_42, pg.ASCII_43, pg.ASCII_45, pg.ASCII_47, pg.ASCII_37, pg.ASCII_60, pg.ASCII_61, pg.ASCII_62),
        *(pg.ASCII_94, pg.Op, pg.TYPECAST, pg.LESS_EQUALS, pg.GREATER_EQUALS, pg.NOT_EQUALS),
        *(pg.UNION, pg.EXCEPT, pg.INTERSECT, pg.IS, pg.COLLATE, pg.AT, pg.LIKE, pg.ILIKE, pg.JOIN),
    }
)


class Token(NamedTuple):
    """A token of the scanner: its ``pg_query`` number and its place in characters."""

    kind: int
    start: int
    end: int


def scan(text: str) -> tuple[Token, ...]:
    """Split a text into tokens, comments among them.

    Raises:
        ParseError: a quoted string, identifier or comment never ends.
    """
    if (nul := text.find("\0")) >= 0:
        raise ParseError("The SQL holds a NUL character, which PostgreSQL never accepts.", offset=nul)
    try:
        tokens = _pg_scan(text).tokens
    except PgQueryError as error:
        raise ParseError(error.message, offset=max(error.cursorpos - 1, 0)) from error
    if text.isascii():
        return tuple(Token(token.token, token.start, token.end) for token in tokens)
    place = Places(text)
    return tuple(Token(token.token, place(token.start), place(token.end)) for token in tokens)


class Places:
    """Byte offsets of a text's UTF-8 form, as offsets in characters."""

    def __init__(self, text: str) -> None:
        self._bytes: list[int] = []
        self._extra: list[int] = []
        extra = 0
        for index, character in enumerate(text):
            if character > "\x7f":
                extra += len(character.encode()) - 1
                self._bytes.append(index + extra)  # the last byte of this character
                self._extra.append(extra)

    def __call__(self, offset: int) -> int:
        """Return the offset in characters of the character that begins at this byte."""
        passed = bisect.bisect_left(self._bytes, offset)
        return offset - (self._extra[passed - 1] if passed else 0)


def end_of_code(sql: str) -> int:
    """Return where the last token that is not a comment ends, in characters."""
    end = len(sql.rstrip())
    # Only a comment can end in these; most statements hold neither and need no scan.
    if "--" not in sql and not sql[:end].endswith("*/"):
        return end
    code = [token.end for token in scan(sql) if token.kind not in COMMENTS]
    return code[-1] if code else 0


def deepest_operator_chain(text: str, limit: int) -> int | None:
    """Return where an expression passes ``limit`` operators at one level of parentheses, or None if none does."""
    try:
        tokens = scan(text)
    except ParseError:
        return None  # the parser will say it better
    counts = [0]
    for token in tokens:
        if token.kind in _CHAINING:
            counts[-1] += 1
            if counts[-1] > limit:
                return token.start
        elif token.kind == _OPEN:
            counts.append(0)
        elif token.kind == _CLOSE:
            if len(counts) > 1:
                counts.pop()
        elif token.kind == _SEMICOLON:
            counts = [0]
        elif token.kind == _COMMA:
            counts[-1] = 0
    return None

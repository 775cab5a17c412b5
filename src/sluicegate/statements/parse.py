"""Text ─▶ statements, by PostgreSQL's own grammar, each with its exact place in the text."""

from __future__ import annotations

import re
import threading
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from google.protobuf.internal import api_implementation
from google.protobuf.message import DecodeError
from postgast.errors import PgQueryError
from postgast.parse import parse as _pg_parse

from sluicegate.errors import ParseError
from sluicegate.statements.tokens import Places, deepest_operator_chain, end_of_code

if TYPE_CHECKING:
    from postgast import pg_query_pb2 as pg

GRAMMAR_VERSION = 18
"""The PostgreSQL version whose grammar is used; ``effects.versions`` refuses what an older server does not know."""

_OPERATOR_CHAIN_LIMIT = 5_000  # the C parser overflows its stack, and kills the process, somewhere above 20,000
_LONG_TEXT = 20_000  # characters; below this no operator chain can be too long
_DEPTH_LIMIT = 600  # protobuf messages within each other; Python's recursion limit ends a walk soon after
_deep_decoding = threading.Lock()


@dataclass(frozen=True, slots=True)
class Statement:
    """One SQL statement.

    Attributes:
        sql: the exact source text, without the final semicolon and without leading or trailing comments.
        node: its parse tree: the inner ``pg_query`` message, such as ``AlterTableStmt``.
        kind: the tree's name in ``pg_query``'s ``Node`` union, such as ``alter_table_stmt``.
        start: where ``sql`` begins in the text that was parsed, in characters.
        end: the character after its last one.
    """

    sql: str
    node: Any = field(compare=False, repr=False)
    kind: str
    start: int = 0
    end: int = 0


def parse_script(text: str) -> tuple[Statement, ...]:
    """Parse SQL that may hold any number of statements.

    Raises:
        ParseError: PostgreSQL 18's grammar does not accept the text; ``offset`` counts characters.
    """
    encoded, tree = _parse(text)
    place = Places("" if len(encoded) == len(text) else text)
    found = []
    for raw in tree.stmts:
        kind = raw.stmt.WhichOneof("node")
        if kind is None:
            continue
        first = raw.stmt_location
        last = first + raw.stmt_len if raw.stmt_len else len(encoded)
        start = place(first)
        sql = text[start : place(last)]
        sql = sql[: end_of_code(sql)]
        found.append(Statement(sql, getattr(raw.stmt, kind), kind, start, start + len(sql)))
    return tuple(found)


def parse_statement(sql: str) -> Statement:
    """Parse SQL that holds exactly one statement.

    Raises:
        ParseError: the text is not SQL, or it holds no statement or several.
    """
    statements = parse_script(sql)
    if len(statements) != 1:
        offset = statements[1].start if statements else 0
        what = "no statement" if not statements else f"{len(statements)} statements"
        raise ParseError(f"Expected one SQL statement, found {what}.", offset=offset)
    return statements[0]


def _parse(text: str) -> tuple[bytes, pg.ParseResult]:
    if (nul := text.find("\0")) >= 0:
        # The C parser would stop there and call the rest, unread, fine.
        raise ParseError("The SQL holds a NUL character, which PostgreSQL never accepts.", offset=nul)
    try:
        encoded = text.encode()
    except UnicodeEncodeError as error:
        raise ParseError("The SQL holds half of a surrogate pair, which is not text.", offset=error.start) from error
    if len(text) > _LONG_TEXT and (offset := deepest_operator_chain(text, _OPERATOR_CHAIN_LIMIT)) is not None:
        raise ParseError(f"An expression has more than {_OPERATOR_CHAIN_LIMIT} operators in a row.", offset=offset)
    try:
        return encoded, _pg_parse(text)
    except PgQueryError as error:
        # libpg_query counts cursorpos in characters, from 1; 0 means not known.
        raise ParseError(
            error.message, offset=max(error.cursorpos - 1, 0), sqlstate=_sqlstate(error.message)
        ) from error
    except DecodeError as error:
        tree = _parse_deep(text)
        if tree is None:
            raise ParseError(
                "The SQL nests expressions too deeply to be read.",
                hint="Split the expression, or build it in several statements.",
            ) from error
        return encoded, tree


def _sqlstate(message: str) -> str:
    return next((state for pattern, state in _SQLSTATES if pattern.search(message)), "42601")


# Errors of PostgreSQL's own grammar (gram.y and scan.l) that are not syntax errors; the parser gives only their words.
_SQLSTATES = (
    (re.compile(r"^precision for type float must be"), "22023"),
    (re.compile(r"constraints cannot be marked|not yet implemented|^unsafe use of string constant"), "0A000"),
)


def _parse_deep(text: str) -> pg.ParseResult | None:
    """Parse again without protobuf's limit of 100 levels, which an ordinary chain of fifty ``||`` exceeds."""
    module = getattr(api_implementation, "_c_module", None)
    if module is None or not hasattr(module, "SetAllowOversizeProtos"):
        return None
    with _deep_decoding:
        module.SetAllowOversizeProtos(True)
        try:
            tree = _pg_parse(text)
        except (DecodeError, PgQueryError):
            return None
        finally:
            module.SetAllowOversizeProtos(False)
    return tree if _depth_within(tree, _DEPTH_LIMIT) else None


def _depth_within(message: Any, limit: int) -> bool:
    level = [message]
    for _ in range(limit):
        below = []
        for current in level:
            for descriptor, value in current.ListFields():
                if descriptor.message_type is None:
                    continue
                if hasattr(value, "DESCRIPTOR"):
                    below.append(value)
                else:
                    below.extend(value)
        if not below:
            return True
        level = below
    return False

"""The SQL inside PL/pgSQL: what a DO block or a function's body would run, in order, with its place in the body.

libpg_query can parse PL/pgSQL too, but its answer gives lines instead of places, and for a trigger function it is not
even well-formed. PL/pgSQL's frame is small, so it is read here from the scanner's tokens; the SQL in it is PostgreSQL's
own parser's.
"""

from __future__ import annotations

import enum
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from postgast import pg_query_pb2 as pg

from sluicegate.errors import ParseError
from sluicegate.statements.constant_text import constant_text, constant_texts
from sluicegate.statements.nodes import string, unwrap, value_of
from sluicegate.statements.parse import Statement, parse_script
from sluicegate.statements.plpgsql_raise import raised
from sluicegate.statements.tokens import COMMENTS, Token, scan

if TYPE_CHECKING:
    from collections.abc import Iterator


class Sort(enum.StrEnum):
    """How a piece of SQL stands in PL/pgSQL."""

    STATEMENT = "statement"
    EXPRESSION = "expression"
    DYNAMIC = "dynamic"
    RAISE = "raise"


@dataclass(frozen=True, slots=True)
class Embedded:
    """A piece of SQL inside PL/pgSQL.

    Attributes:
        sort: a statement, an expression (as ``SELECT …``), the text of an EXECUTE, or a RAISE that ends the block.
        sql: its text; for EXECUTE, the text that would be run where it is known, else the expression; for RAISE the
            SQLSTATE.
        offset: where it begins in the body, in characters.
        statement: its parse; None when ``unknown`` says why there is none.
        conditional: whether it stands in a branch, a loop or an exception handler, so that it may not run.
        unknown: what is not known about it, in one phrase; empty otherwise.
    """

    sort: Sort
    sql: str
    offset: int
    statement: Statement | None = field(default=None, compare=False, repr=False)
    conditional: bool = False
    unknown: str = ""


def body_of(node: Any) -> tuple[str, str] | None:
    """Return language and body of a ``DoStmt`` or ``CreateFunctionStmt``; None when it has no body as text."""
    language, body = "plpgsql" if isinstance(node, pg.DoStmt) else "sql", None
    for item in node.args if isinstance(node, pg.DoStmt) else node.options:
        element = item.def_elem
        if element.defname == "language":
            language = str(value_of(element.arg)).lower()
        elif element.defname == "as":
            parts = unwrap(element.arg)
            body = string(parts.items[0]) if isinstance(parts, pg.List) else str(value_of(element.arg))
    return None if body is None else (language, body)


def embedded_sql(body: str) -> tuple[Embedded, ...]:
    """Return the SQL in a PL/pgSQL body, in the order in which it is written.

    Raises:
        ParseError: the body is not PL/pgSQL that can be read.
    """
    return tuple(_Body(body).pieces())


# Words that begin a PL/pgSQL statement which runs no SQL of its own.
_QUIET = {"exit", "continue", "null", "raise", "assert", "get", "close", "move", "fetch", "commit", "rollback"}


_OPENERS = {";", "declare", "begin", "then", "else", "loop"}
"""Words after which a statement begins."""


class _Body:
    def __init__(self, text: str) -> None:
        self.text = text
        self.tokens: list[Token] = [token for token in scan(text) if token.kind not in COMMENTS]
        self.position = 0
        self.frames: list[str] = []
        self.constants: dict[str, str] = {}
        self.changing = self._changing_variables()

    def _changing_variables(self) -> set[str]:
        """Return the variables that are set more than once, or by a loop or INTO: their text is not constant."""
        seen: list[str] = []
        targets: set[str] = set()
        for place in range(1, len(self.tokens)):
            if self.word_at(place) in {":=", "default"}:
                # Both ``name type DEFAULT value`` and ``name := value`` open with the name.
                first = place
                while first > 0 and self.word_at(first - 1) not in _OPENERS:
                    first -= 1
                seen.append(self.word_at(first))
            elif self.word_at(place) == "=" and self.word_at(place - 2) in _OPENERS:
                seen.append(self.word_at(place - 1))
            elif self.word_at(place - 1) in {"into", "strict", "for", "foreach"}:
                targets.add(self.word_at(place))
                while self.word_at(place + 1) == ",":
                    place += 2
                    targets.add(self.word_at(place))
        return targets | {name for name in seen if seen.count(name) > 1}

    @property
    def conditional(self) -> bool:
        """Whether what stands here may not run."""
        return any(frame != "block" for frame in self.frames)

    # -- tokens --------------------------------------------------------------------------------------------------

    def word(self, ahead: int = 0) -> str:
        place = self.position + ahead
        if place >= len(self.tokens):
            return ""
        token = self.tokens[place]
        return self.text[token.start : token.end].lower()

    def until(self, *stops: str) -> tuple[int, int]:
        """Move behind the next of these words outside parentheses and CASE, and return the range before it."""
        first = self.position
        depth = cases = 0
        while self.position < len(self.tokens):
            current = self.word()
            if depth == 0 and cases == 0 and current in stops:
                end = self.position
                self.position += 1
                return first, end
            depth += (current in "([" and current != "") - (current in ")]" and current != "")
            cases += (current == "case") - (current == "end" and cases > 0)
            self.position += 1
        raise ParseError(f"The PL/pgSQL ends where {' or '.join(stops)} is expected.", offset=len(self.text))

    def slice(self, first: int, end: int) -> str:
        if first >= end:
            return ""
        return self.text[self.tokens[first].start : self.tokens[end - 1].end]

    def start_of(self, token: int) -> int:
        return self.tokens[token].start if token < len(self.tokens) else len(self.text)

    # -- structure -----------------------------------------------------------------------------------------------

    def pieces(self) -> Iterator[Embedded]:
        while self.position < len(self.tokens):
            yield from self.statement()

    def statement(self) -> Iterator[Embedded]:
        word = self.word()
        if word in {";", "else"}:
            self.position += 1
        elif word in {"begin", "loop"}:
            self.frames.append("block" if word == "begin" else word)
            self.position += 1
        elif word == "<<":
            self.until(">>")
        elif word == "#":
            self._compiler_option()
        elif word == "declare":
            yield from self._declarations()
        elif word == "end":
            if self.frames:
                self.frames.pop()
            while self.position < len(self.tokens) and self.word() != ";":
                self.position += 1
        elif word in {"if", "elsif", "elseif", "while"}:
            yield from self._condition(word)
        elif word == "case":
            self.position += 1
            if self.word() != "when":
                first, end = self.until("when")
                yield from self._expression(first, end)
                self.position -= 1
            self.frames.append("case")
        elif word == "when":
            yield from self._when()
        elif word == "exception" and self.word(1) == "when":
            if self.frames:
                self.frames[-1] = "exception"
            self.position += 1
        elif word in {"for", "foreach"}:
            yield from self._loop()
        else:
            yield from self._simple(word)

    def _compiler_option(self) -> None:
        # #variable_conflict and its kin end with their line.
        line_end = self.text.find("\n", self.start_of(self.position))
        line_end = len(self.text) if line_end < 0 else line_end
        while self.position < len(self.tokens) and self.start_of(self.position) < line_end:
            self.position += 1

    def _declarations(self) -> Iterator[Embedded]:
        self.position += 1
        while self.word() not in {"begin", ""}:
            first, end = self.until(";")
            name = self.word_at(first)
            for place in range(first, end):
                if self.word_at(place) in {":=", "=", "default"}:
                    text = constant_text(self.slice(place + 1, end), {})
                    if text is not None and name not in self.changing:
                        self.constants[name] = text
                    yield from self._expression(place + 1, end)
                    break

    def word_at(self, token: int) -> str:
        return self.word(token - self.position)

    def _condition(self, word: str) -> Iterator[Embedded]:
        self.position += 1
        first, end = self.until("loop" if word == "while" else "then")
        yield from self._expression(first, end)
        if word in {"if", "while"}:
            self.frames.append(word)

    def _when(self) -> Iterator[Embedded]:
        self.position += 1
        first, end = self.until("then")
        # A handler's conditions are names of errors, a CASE's are expressions.
        if self.frames[-1:] == ["case"]:
            yield from self._expression(first, end)

    def _loop(self) -> Iterator[Embedded]:
        over_array = self.word() == "foreach"
        name = self.word(1)
        self.position += 1
        self.until("in")
        first, end = self.until("loop")
        if over_array and self.word_at(first) == "array":
            texts = constant_texts(self.slice(first + 1, end))
            if texts is not None:
                yield from self._for_each(name, texts)
                return
        yield from self._loop_source(first, end)
        self.frames.append("loop")

    def _for_each(self, name: str, texts: tuple[str, ...]) -> Iterator[Embedded]:
        """Read a loop's body once for each of the constants it runs over."""
        depth, start = len(self.frames), self.position
        for text in texts:
            self.position = start
            self.frames[depth:] = ["block"]
            self.constants[name] = text
            while self.position < len(self.tokens) and len(self.frames) > depth:
                yield from self.statement()
        self.constants.pop(name, None)

    def _loop_source(self, first: int, end: int) -> Iterator[Embedded]:
        words = {self.word_at(place) for place in range(first, end)}
        begins = self.word_at(first)
        if begins == "execute":
            yield self._dynamic(first + 1, end)
        elif begins in {"(", "select", "with", "values", "table", "insert", "update", "delete", "merge", "explain"}:
            yield from self._sql(first, end)
        elif ".." not in words:
            yield from self._expression(first, end)

    def _simple(self, word: str) -> Iterator[Embedded]:
        first, end = self.until(";")
        if word == "raise" and (sqlstate := raised(self.slice(first, end))) is not None:
            yield Embedded(Sort.RAISE, sqlstate, self.start_of(first), None, self.conditional)
        if word == "assert" and self.word_at(first + 1) == "false":
            yield Embedded(Sort.RAISE, "P0004", self.start_of(first), None, self.conditional)
        if word in _QUIET:
            return
        if word == "return":
            follower = self.word_at(first + 1)
            if follower == "query" and self.word_at(first + 2) == "execute":
                yield self._dynamic(first + 3, end)
            elif follower == "query":
                yield from self._sql(first + 2, end)
            elif end > first + 1 and follower != "next":
                yield from self._expression(first + 1, end)
        elif word == "execute":
            yield self._dynamic(first + 1, end)
        elif word == "perform":
            yield from self._expression(first + 1, end)
        elif word == "open":
            for place in range(first, end):
                if self.word_at(place) == "for":
                    rest = place + 1
                    if self.word_at(rest) == "execute":
                        yield self._dynamic(rest + 1, end)
                    else:
                        yield from self._sql(rest, end)
                    break
        elif (assigned := self._assignment(first, end)) is not None:
            self.constants.pop(word, None)
            text = constant_text(self.slice(assigned, end), self.constants)
            if text is not None and not self.conditional and word not in self.changing:
                self.constants[word] = text
            yield from self._expression(assigned, end)
        else:
            yield from self._sql(first, end)

    def _assignment(self, first: int, end: int) -> int | None:
        """Return where the value of ``name := value`` begins, or None when it is no assignment."""
        place = first + 1
        while place < end and self.word_at(place) in {".", "["}:
            if self.word_at(place) == ".":
                place += 2
                continue
            depth = 0
            while place < end:
                depth += (self.word_at(place) == "[") - (self.word_at(place) == "]")
                place += 1
                if depth == 0:
                    break
        return place + 1 if place < end and self.word_at(place) in {":=", "="} else None

    # -- SQL -----------------------------------------------------------------------------------------------------

    def _expression(self, first: int, end: int) -> Iterator[Embedded]:
        text = self.slice(first, end)
        if text:
            yield self._parsed(Sort.EXPRESSION, f"SELECT {text}", self.start_of(first))

    def _sql(self, first: int, end: int) -> Iterator[Embedded]:
        text = self.slice(first, end)
        if text:
            yield self._parsed(Sort.STATEMENT, self._without_into(first, end), self.start_of(first))

    def _without_into(self, first: int, end: int) -> str:
        """Return a statement without the INTO that names PL/pgSQL's variables, blanks in its place."""
        depth = 0
        base = self.start_of(first)
        text = self.slice(first, end)
        for place in range(first, end):
            word = self.word_at(place)
            depth += (word == "(") - (word == ")")
            if word != "into" or depth or self.word_at(place - 1) in {"insert", "merge"}:
                continue
            last = place + 1
            if self.word_at(last) == "strict":
                last += 1
            last = self._targets_end(last, end)
            start, stop = self.start_of(place) - base, self.tokens[last - 1].end - base
            return text[:start] + " " * (stop - start) + text[stop:]
        return text

    def _targets_end(self, place: int, end: int) -> int:
        place += 1
        while place < end and self.word_at(place) in {",", ".", "["}:
            if self.word_at(place) == "[":
                while place < end and self.word_at(place) != "]":
                    place += 1
                place += 1
            else:
                place += 2
        return place

    def _dynamic(self, first: int, end: int) -> Embedded:
        stop = end
        depth = 0
        for place in range(first, end):
            word = self.word_at(place)
            depth += (word == "(") - (word == ")")
            if depth == 0 and word in {"into", "using"}:
                stop = place
                break
        expression = self.slice(first, stop)
        text = constant_text(expression, self.constants)
        offset = self.start_of(first)
        if text is None:
            unknown = f"EXECUTE runs SQL that is put together at run time: {' '.join(expression.split())}"
            return Embedded(Sort.DYNAMIC, expression, offset, None, self.conditional, unknown)
        return self._parsed(Sort.DYNAMIC, text, offset)

    def _parsed(self, sort: Sort, sql: str, offset: int) -> Embedded:
        conditional = self.conditional
        try:
            statements = parse_script(sql)
        except ParseError as error:
            return Embedded(sort, sql, offset, None, conditional, f"SQL in PL/pgSQL does not parse: {error.message}")
        if len(statements) != 1:
            return Embedded(sort, sql, offset, None, conditional, "EXECUTE runs several statements")
        return Embedded(sort, sql, offset, statements[0], conditional)

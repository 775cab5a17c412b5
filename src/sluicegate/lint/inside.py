"""Statements inside other statements: the body of a DO block, or of a function that is called."""

from __future__ import annotations

from typing import TYPE_CHECKING

from postgast import pg_query_pb2 as pg

from sluicegate.catalog.model import Name
from sluicegate.errors import ParseError
from sluicegate.statements.nodes import qualified, walk_kinds
from sluicegate.statements.parse import parse_script
from sluicegate.statements.plpgsql import Sort, body_of, embedded_sql

if TYPE_CHECKING:
    from collections.abc import Iterator

    from sluicegate.catalog.model import Catalog, Function
    from sluicegate.catalog.session import Session
    from sluicegate.statements.parse import Statement


_DEPTH = 4
"""How many calls within calls are followed."""


def inner_statements(statement: Statement, catalog: Catalog, session: Session, depth: int = 0) -> tuple[Statement, ...]:
    """Return the statements that a DO block, a CALL or a SELECT of a known function runs, as far as they can be "
    "read."""
    try:
        direct = tuple(_direct(statement, catalog, session))
    except ParseError:
        return ()  # what cannot be read is said by the statement's own effects
    if depth == _DEPTH:
        return direct
    return tuple(one for inner in direct for one in (inner, *inner_statements(inner, catalog, session, depth + 1)))


def _direct(statement: Statement, catalog: Catalog, session: Session) -> Iterator[Statement]:
    if statement.kind == "do_stmt":
        found = body_of(statement.node)
        if found is not None:
            yield from _in_body(*found)
    elif statement.kind in ("select_stmt", "call_stmt"):
        for function in _called(statement, catalog, session):
            yield from _in_body(function.language, function.body)


def _called(statement: Statement, catalog: Catalog, session: Session) -> Iterator[Function]:
    for call in walk_kinds(statement.node, pg.FuncCall):
        schema, name = qualified(call.funcname)
        for candidate in (schema,) if schema else session.search_path:
            yield from catalog.functions.get(Name(candidate, name), ())[:1]


def _in_body(language: str, body: str) -> Iterator[Statement]:
    if language == "sql":
        yield from parse_script(body)
    elif language == "plpgsql":
        for piece in embedded_sql(body):
            if piece.statement is not None and piece.sort is not Sort.EXPRESSION:
                yield piece.statement

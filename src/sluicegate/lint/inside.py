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
            yield from _in_body(*found, catalog, session)
    elif statement.kind in ("select_stmt", "call_stmt"):
        for function in _called(statement, catalog, session):
            yield from _in_body(function.language, function.body, catalog, session)


def _called(statement: Statement, catalog: Catalog, session: Session) -> Iterator[Function]:
    for call in walk_kinds(statement.node, pg.FuncCall):
        schema, name = qualified(call.funcname)
        for candidate in (schema,) if schema else session.search_path:
            yield from catalog.functions.get(Name(candidate, name), ())[:1]


def _in_body(language: str, body: str, catalog: Catalog, session: Session) -> Iterator[Statement]:
    if language == "sql":
        yield from parse_script(body)
    elif language == "plpgsql":
        for piece in embedded_sql(body):
            if piece.statement is None:
                continue
            if piece.sort is Sort.EXPRESSION:  # also PERFORM; what it calls matters, what it reads does not
                yield from _called_bodies(piece.statement, catalog, session)
            else:
                yield piece.statement


def _called_bodies(statement: Statement, catalog: Catalog, session: Session) -> Iterator[Statement]:
    for function in _called(statement, catalog, session):
        if function.language == "sql":
            yield from parse_script(function.body)
        elif function.language == "plpgsql":
            found = (piece for piece in embedded_sql(function.body) if piece.sort is not Sort.EXPRESSION)
            yield from (piece.statement for piece in found if piece.statement is not None)

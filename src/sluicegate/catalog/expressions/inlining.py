"""SQL-language functions that the planner replaces by their body, so that the body's volatility is what counts."""

from __future__ import annotations

from typing import TYPE_CHECKING

from postgast import pg_query_pb2 as pg

from sluicegate.catalog.casts import CastContext, worst
from sluicegate.catalog.expressions.meaning import Invalid, Meaning, Place
from sluicegate.catalog.model import Volatility
from sluicegate.errors import ParseError
from sluicegate.statements.nodes import string, unwrap, walk_kinds
from sluicegate.statements.parse import parse_script

if TYPE_CHECKING:
    from typing import Any

    from sluicegate.catalog.expressions.meaning import Notes
    from sluicegate.catalog.expressions.reader import Reader
    from sluicegate.catalog.model import Function, SqlType
    from sluicegate.catalog.overloads import Routine

_DEPTH = 8  # bodies within bodies; the server stops recursion by its list of active functions

_SIMPLE = {"target_list", "limit_option", "op"}
"""The fields of a SELECT that is nothing but one expression."""


def inlined(reader: Reader, routine: Routine, arguments: list[Meaning]) -> Meaning | None:
    """Return what a call means once its body stands in its place; None when the planner keeps the call.

    Source: ``inline_function`` in PostgreSQL's clauses.c: one SELECT of one expression without FROM, no SECURITY
    DEFINER, no SET, and a body that is not more volatile than the function says.
    """
    function = routine.user
    if function is None or function.security_definer or function.settings or routine.returns_set:
        return None
    if reader.depth >= _DEPTH or routine.kind != "f" or routine.returns in {None, "record", "void"}:
        return None
    expression = _single_expression(function.body)
    if expression is None:
        return None
    uses = [reference.number for reference in walk_kinds(expression, pg.ParamRef)]
    for reference in walk_kinds(expression, pg.ColumnRef):
        name = string(reference.fields[-1])
        if name not in function.argument_names:
            return None
        uses.append(function.argument_names.index(name) + 1)
    for number, argument in enumerate(arguments, 1):
        # A volatile argument is not evaluated twice; one that is not used must not be volatile either.
        if argument.volatility in {Volatility.VOLATILE, None} and uses.count(number) != 1:
            return None
    body = _read(reader, expression, arguments, function)
    if body is None:
        return None
    allowed = {Volatility.IMMUTABLE: 0, Volatility.STABLE: 1, Volatility.VOLATILE: 2}
    own = body.volatility
    if own is None or allowed[own] > allowed[routine.volatility]:
        return None
    if routine.strict and not set(range(1, len(arguments) + 1)) <= set(uses):
        return None
    return Meaning(body.type, worst(own, *(argument.volatility for argument in arguments)), body.constant)


def _single_expression(body: str) -> Any:
    try:
        statements = parse_script(body)
    except ParseError:
        return None
    if len(statements) != 1 or statements[0].kind != "select_stmt":
        return None
    select = statements[0].node
    if {descriptor.name for descriptor, _ in select.ListFields()} - _SIMPLE or len(select.target_list) != 1:
        return None
    expression = unwrap(select.target_list[0].res_target.val)
    return None if any(True for _ in walk_kinds(expression, pg.SubLink)) else expression


def _read(reader: Reader, expression: Any, arguments: list[Meaning], function: Function) -> Meaning | None:
    from sluicegate.catalog.expressions.reader import Reader as _Reader

    parameters = tuple(Meaning(argument.type, Volatility.IMMUTABLE, argument.constant) for argument in arguments)
    by_name = dict(zip(function.argument_names, parameters, strict=False))

    def argument_type(parts: tuple[str, ...], _notes: Notes) -> SqlType | None:
        found = by_name.get(parts[-1])
        return found.type if found is not None else None

    inner = _Reader(
        reader.catalog,
        reader.search_path,
        reader.version,
        columns=argument_type,
        place=Place.CHECK,
        parameters=parameters,
        depth=reader.depth + 1,
    )
    try:
        found = inner.read(expression)
        if function.returns is not None:
            found = inner.coerce(found, function.returns, CastContext.ASSIGNMENT)
    except Invalid:
        return None
    return None if inner.notes.unknowns else found

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
    from sluicegate.catalog.model import SqlType
    from sluicegate.catalog.overloads import Routine

_DEPTH = 8  # bodies within bodies; the server stops recursion by its list of active functions

_SIMPLE = {"target_list", "limit_option", "op"}
"""The fields of a SELECT that is nothing but one expression."""


def inlined(reader: Reader, routine: Routine, arguments: list[Meaning], returns: SqlType | None) -> Meaning | None:
    """Return what a call means once its body stands in its place; None when the planner keeps the call.

    Source: ``inline_function`` in PostgreSQL's clauses.c: one SELECT of one expression without FROM, no SECURITY
    DEFINER, no SET, and a body that is not more volatile than the function says.
    """
    function = routine.user
    if function is not None and (function.security_definer or function.settings):
        return None
    if reader.depth >= _DEPTH or routine.kind != "f" or routine.returns_set:
        return None
    if routine.returns in {None, "record", "void"} or routine.body is None:
        return None
    expression = _single_expression(routine.body)
    arguments = _with_defaults(reader, routine, arguments)
    if expression is None or (routine.user is not None and len(arguments) != len(routine.user.argument_types)):
        return None
    names = function.argument_names if function is not None else ()
    uses = [reference.number for reference in walk_kinds(expression, pg.ParamRef)]
    for reference in walk_kinds(expression, pg.ColumnRef):
        name = string(reference.fields[-1])
        if name not in names:
            return None
        uses.append(names.index(name) + 1)
    for number, argument in enumerate(arguments, 1):
        # A volatile argument is not evaluated twice; one that is not used must not be volatile either.
        if argument.volatility in {Volatility.VOLATILE, None} and uses.count(number) != 1:
            return None
    body = _read(reader, expression, arguments, names, returns)
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
    # pg_get_function_sqlbody gives a body in standard SQL as RETURN …
    if body.lstrip().upper().startswith("RETURN "):
        body = f"SELECT {body.lstrip()[len('RETURN ') :]}"
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


def _with_defaults(reader: Reader, routine: Routine, arguments: list[Meaning]) -> list[Meaning]:
    """Return a call's arguments with the defaults of those it leaves out."""
    function = routine.user
    missing = len(function.argument_types) - len(arguments) if function is not None else 0
    if function is None or missing <= 0 or missing > len(function.argument_defaults):
        return arguments
    given = function.argument_defaults[len(function.argument_defaults) - missing :]
    try:
        return [*arguments, *(reader.read(default.node) for default in given)]
    except Invalid:
        return arguments


def _read(
    reader: Reader, expression: Any, arguments: list[Meaning], names: tuple[str, ...], returns: SqlType | None
) -> Meaning | None:
    from sluicegate.catalog.expressions.reader import Reader as _Reader

    parameters = tuple(Meaning(argument.type, Volatility.IMMUTABLE, argument.constant) for argument in arguments)
    by_name = dict(zip(names, parameters, strict=False))

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
        if returns is not None:
            found = inner.coerce(found, returns, CastContext.ASSIGNMENT)
    except Invalid:
        return None
    return None if inner.notes.unknowns else found

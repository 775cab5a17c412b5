"""CREATE, ALTER FUNCTION and PROCEDURE, aggregates."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

from postgast import pg_query_pb2 as pg

from sluicegate.catalog.model import Function, Name, SqlType, Volatility
from sluicegate.catalog.queries import Query
from sluicegate.catalog.types import builtin_type
from sluicegate.statements.nodes import deparse, string, unwrap, value_of
from sluicegate.statements.parse import parse_script

if TYPE_CHECKING:
    from sluicegate.catalog.replay.draft import Draft

_INPUT = {pg.FUNC_PARAM_DEFAULT, pg.FUNC_PARAM_IN, pg.FUNC_PARAM_INOUT, pg.FUNC_PARAM_VARIADIC}
_OUTPUT = {pg.FUNC_PARAM_OUT, pg.FUNC_PARAM_INOUT, pg.FUNC_PARAM_TABLE}


def create_function(draft: Draft, node: Any) -> None:
    """Replay CREATE FUNCTION and CREATE PROCEDURE."""
    arguments, outputs, names = [], [], []
    defaults = []
    variadic = False
    for item in node.parameters:
        parameter = item.function_parameter
        parameter_type = _plain(draft.type(parameter.arg_type))
        if parameter.mode in _INPUT:
            arguments.append(parameter_type)
            names.append(parameter.name)
            if parameter.HasField("defexpr"):
                defaults.append(draft.expression(parameter.defexpr))
            variadic = variadic or parameter.mode == pg.FUNC_PARAM_VARIADIC
        if parameter.mode in _OUTPUT:
            outputs.append((parameter.name, _plain(draft.type(parameter.arg_type))))
    returns: SqlType | None = None
    if node.is_procedure:
        pass
    elif node.HasField("return_type"):
        returns = draft.type(node.return_type)
    elif len(outputs) == 1:
        returns = outputs[0][1]
    elif outputs:
        returns = builtin_type("record")
    language, body = "sql", ""
    settings: dict[str, str] = {}
    function = Function(
        draft.new_name(node.funcname),
        tuple(arguments),
        returns,
        Volatility.VOLATILE,
        language,
        kind="procedure" if node.is_procedure else "function",
        defaults=len(defaults),
        argument_defaults=tuple(defaults),
        variadic=variadic,
        argument_names=tuple(names),
        outputs=tuple(outputs),
    )
    for item in node.options:
        element = item.def_elem
        match element.defname:
            case "language":
                language = str(value_of(element.arg)).lower()
            case "as":
                parts = unwrap(element.arg)
                body = string(parts.items[0]) if isinstance(parts, pg.List) else str(value_of(element.arg))
            case _:
                function = _with_option(function, element, settings)
    if node.HasField("sql_body"):
        body = _sql_body(unwrap(node.sql_body))
        # A body that was parsed at creation depends on what it names; one kept as text does not.
        function = replace(function, reads=_reads(draft, body))
    draft.put_function(
        replace(
            function,
            language=language,
            body=body,
            settings=settings,
            returns_set=bool(node.HasField("return_type") and node.return_type.setof)
            or any(item.function_parameter.mode == pg.FUNC_PARAM_TABLE for item in node.parameters),
        )
    )


def _with_option(function: Function, element: Any, settings: dict[str, str]) -> Function:
    match element.defname:
        case "volatility":
            return replace(function, volatility=Volatility(str(value_of(element.arg))))
        case "strict":
            return replace(function, strict=bool(value_of(element.arg)))
        case "security":
            return replace(function, security_definer=bool(value_of(element.arg)))
        case "window":
            return replace(function, kind="window")
        case "set":
            statement = unwrap(element.arg)
            settings[statement.name] = ", ".join(str(value_of(argument)) for argument in statement.args)
    return function


def _sql_body(node: Any) -> str:
    if isinstance(node, pg.ReturnStmt):
        return f"SELECT {deparse(node.returnval)}"
    statements = []
    for group in node.items:
        inner = unwrap(group)
        parts = inner.items if isinstance(inner, pg.List) else [group]
        for part in parts:
            statement = unwrap(part)
            is_return = isinstance(statement, pg.ReturnStmt)
            statements.append(f"SELECT {deparse(statement.returnval)}" if is_return else deparse(statement))
    return ";\n".join(statements)


def _reads(draft: Draft, body: str) -> dict[Name, frozenset[str] | None]:
    found: dict[Name, frozenset[str] | None] = {}
    for statement in parse_script(body):
        for name, columns in Query(statement.node, draft.catalog, draft.search_path).frozen_reads().items():
            known = found.get(name, frozenset())
            found[name] = None if known is None or columns is None else known | columns
    return found


def create_aggregate(draft: Draft, node: Any) -> None:
    """Replay CREATE AGGREGATE."""
    arguments = []
    inner = unwrap(node.args[0]) if node.args else None
    if isinstance(inner, pg.List):
        arguments = [draft.type(item.function_parameter.arg_type) for item in inner.items]
    returns = None
    for item in node.definition:
        if item.def_elem.defname == "stype" and isinstance(unwrap(item.def_elem.arg), pg.TypeName):
            returns = draft.type(unwrap(item.def_elem.arg))
    draft.put_function(
        Function(
            draft.new_name(node.defnames),
            tuple(arguments),
            returns,
            Volatility.IMMUTABLE,
            "internal",
            kind="aggregate",
            argument_names=("",) * len(arguments),
        )
    )


def find_function(draft: Draft, target: Any) -> Function | None:
    """Return the user's function that an ``ObjectWithArgs`` means; without arguments, the only one of the name."""
    inner = unwrap(target)
    _, candidates = draft.functions(inner.objname if isinstance(inner, pg.ObjectWithArgs) else inner)
    if not isinstance(inner, pg.ObjectWithArgs) or inner.args_unspecified:
        return candidates[0] if len(candidates) == 1 else None
    wanted = tuple(_plain(draft.type(unwrap(item))) for item in inner.objargs if unwrap(item) is not None)
    for candidate in candidates:
        if tuple(_plain(argument) for argument in candidate.argument_types) == wanted:
            return candidate
    return None


def _plain(sql_type: SqlType) -> SqlType:
    return SqlType(sql_type.name, array=sql_type.array)


def alter_function(draft: Draft, node: Any) -> None:
    """Replay ALTER FUNCTION … with options."""
    function = find_function(draft, node.func)
    if function is None:
        return
    settings = dict(function.settings)
    changed = function
    for item in node.actions:
        changed = _with_option(changed, item.def_elem, settings)
    draft.put_function(replace(changed, settings=settings))


def move_function(draft: Draft, target: Any, *, schema: str | None = None, name: str | None = None) -> None:
    """Replay ALTER FUNCTION … RENAME TO and SET SCHEMA."""
    function = find_function(draft, target)
    if function is not None:
        draft.remove_function(function)
        draft.put_function(replace(function, name=Name(schema or function.name.schema, name or function.name.name)))

"""CREATE and ALTER FUNCTION, PROCEDURE, AGGREGATE: the checks of signature and body, and what its SQL locks."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from postgast import pg_query_pb2 as pg

from sluicegate.catalog.builtins import builtins
from sluicegate.catalog.casts import CastContext, find_cast
from sluicegate.catalog.model import Name, SqlType, TypeKind
from sluicegate.catalog.polymorphism import UNKNOWN
from sluicegate.catalog.type_facts import type_facts
from sluicegate.catalog.types import builtin_type, display, written
from sluicegate.effects.context import Refused
from sluicegate.effects.data_changes import CHANGES, note_change_with
from sluicegate.effects.objects import LANGUAGES, find_function, require_object
from sluicegate.effects.queries import QueryReader
from sluicegate.effects.query_levels import Stage
from sluicegate.effects.reading import note_reads
from sluicegate.effects.settings import set_variable
from sluicegate.errors import ParseError
from sluicegate.statements.nodes import qualified, strings, unwrap
from sluicegate.statements.parse import parse_script
from sluicegate.statements.plpgsql import body_of
from sluicegate.statements.plpgsql_check import compile_error

if TYPE_CHECKING:
    from collections.abc import Iterable

    from sluicegate.effects.context import Context
    from sluicegate.effects.scopes import OutputColumns

_INPUT = {pg.FUNC_PARAM_DEFAULT, pg.FUNC_PARAM_IN, pg.FUNC_PARAM_INOUT, pg.FUNC_PARAM_VARIADIC}
_IN_ONLY = _INPUT - {pg.FUNC_PARAM_INOUT}


def create_function(context: Context, node: Any) -> None:
    """Note the effects of a ``CreateFunctionStmt`` (``CreateFunction`` in PostgreSQL's functioncmds.c)."""
    schema, name = qualified(node.funcname)
    if schema and schema not in context.catalog.schemas and not schema.startswith("pg_"):
        context.absent("3F000", f'schema "{schema}" does not exist')
    found = body_of(node)
    language, body = found if found is not None else ("sql", None)
    if language not in LANGUAGES and ("language", language) not in context.catalog.others:
        context.absent("42704", f'language "{language}" does not exist')
    parameters = _parameters(context, node)
    returns = _returns(context, node, language)
    full = Name(schema or context.creation_schema, name)
    arguments = tuple(_plain(sql_type) for _, sql_type, given in parameters if given and sql_type is not None)
    _check_existing(context, node, full, arguments, returns)
    if language == "sql" and context.session.check_function_bodies:
        named = {
            label or f"${number}": sql_type for number, (label, sql_type, given) in enumerate(parameters, 1) if given
        }
        _check_body(context, node, body, named, returns)
    if language == "plpgsql" and context.session.check_function_bodies:
        wrong = compile_error(context.statement.sql)
        if wrong is not None:
            raise Refused(*wrong)


def _parameters(context: Context, node: Any) -> list[tuple[str, SqlType | None, bool]]:
    """Return name, type and whether it is passed in, for each parameter."""
    parameters: list[tuple[str, SqlType | None, bool]] = []
    named: set[tuple[str, bool]] = set()
    for item in node.parameters:
        parameter = item.function_parameter
        sql_type = context.type(parameter.arg_type)
        if sql_type is None:
            context.absent("42704", f"type {written(parameter.arg_type)} does not exist")
        key = (parameter.name, parameter.mode == pg.FUNC_PARAM_TABLE)
        if parameter.name and key in named and parameter.mode in _INPUT:
            raise Refused("42P13", f'parameter name "{parameter.name}" used more than once')
        named.add(key)
        parameters.append((parameter.name, sql_type, parameter.mode in _INPUT))
    return parameters


def _returns(context: Context, node: Any, language: str) -> SqlType | None:
    if not node.HasField("return_type"):
        if not node.is_procedure and all(item.function_parameter.mode in _IN_ONLY for item in node.parameters):
            raise Refused("42P13", "function result type must be specified")
        return None
    found = context.type(node.return_type)
    if found is None and language not in {"c", "internal"}:
        context.absent("42704", f'type "{written(node.return_type)}" does not exist')
    return found


def _plain(sql_type: SqlType) -> SqlType:
    return SqlType(sql_type.name, array=sql_type.array)


def _check_existing(
    context: Context, node: Any, name: Name, arguments: tuple[SqlType, ...], returns: SqlType | None
) -> None:
    """Refuse to replace a function by one that callers cannot tell from it (``ProcedureCreate`` in pg_proc.c)."""
    for function in context.catalog.functions.get(name, ()):
        if tuple(_plain(argument) for argument in function.argument_types) != arguments:
            continue
        if not node.replace:
            raise Refused("42723", f'function "{name.name}" already exists with same argument types')
        kind = "procedure" if node.is_procedure else "function"
        if function.kind != kind and function.kind in {"function", "procedure", "aggregate"}:
            raise Refused("42809", "cannot change routine kind")
        if returns is not None and function.returns is not None and _plain(function.returns) != _plain(returns):
            raise Refused("42P13", "cannot change return type of existing function")


# -- SQL bodies --------------------------------------------------------------------------------------------------------


def _check_body(
    context: Context, node: Any, body: str | None, parameters: dict[str, SqlType | None], returns: SqlType | None
) -> None:
    """Analyse an SQL function's body, as ``fmgr_sql_validator`` does; it locks the tables it names."""
    if returns is not None and returns.name.name in {"trigger", "event_trigger"}:
        raise Refused("42P13", f"SQL functions cannot return type {returns.name.name}")
    statements: list[Any] = []
    if node.HasField("sql_body"):
        statements = list(_atomic(unwrap(node.sql_body)))
    elif body is not None:
        try:
            statements = [statement.node for statement in parse_script(body)]
        except ParseError as error:
            raise Refused("42601", str(error)) from None
    polymorphic = any(found is not None and type_facts(found, context.catalog).pseudo for found in parameters.values())
    if polymorphic:
        context.builder.unknown("the body of a polymorphic function is only judged when it is called")
        return
    columns: OutputColumns | None = None
    for statement in statements:
        columns = None
        reader = QueryReader(context, parameters=parameters)
        if isinstance(statement, pg.SelectStmt):
            columns = _analysed(context, reader, statement)
        elif isinstance(statement, CHANGES):
            columns = reader.query(statement) if statement.HasField("returning_clause") else None
            reader.changes.clear()
            note_change_with(context, QueryReader(context, parameters=parameters), statement, Stage.ANALYZED)
        elif isinstance(statement, pg.ReturnStmt):
            select = pg.SelectStmt(limit_option=pg.LIMIT_OPTION_DEFAULT, op=pg.SETOP_NONE)
            select.target_list.add().res_target.val.CopyFrom(statement.returnval)
            columns = _analysed(context, reader, select)
    _check_result(context, node, columns, returns)


def _analysed(context: Context, reader: QueryReader, node: Any) -> OutputColumns:
    columns = reader.query(node)
    note_reads(context, reader, Stage.ANALYZED)
    return columns


def _atomic(node: Any) -> Iterable[Any]:
    """Yield the statements of BEGIN ATOMIC … END, or of RETURN."""
    if not isinstance(node, pg.List):
        yield node
        return
    for group in node.items:
        inner = unwrap(group)
        for part in inner.items if isinstance(inner, pg.List) else [group]:
            yield unwrap(part)


def _check_result(context: Context, node: Any, columns: OutputColumns | None, returns: SqlType | None) -> None:
    """Refuse a body whose last query does not give what the function returns (``check_sql_fn_retval``)."""
    if returns is None or returns.name.name in {"void", "record"} or node.is_procedure:
        return
    if any(item.function_parameter.mode not in _INPUT for item in node.parameters):
        return
    shown = display(_plain(returns))
    mismatch = f"return type mismatch in function declared to return {shown}"
    if columns is None:
        raise Refused("42P13", mismatch)
    is_row = returns.name in context.catalog.relations
    if is_row or type_facts(returns, context.catalog).pseudo or not columns:
        return
    given = columns[0][1]
    if len(columns) > 1:
        raise Refused("42P13", mismatch)
    given = builtin_type("text") if given == UNKNOWN else given
    if given is None or given == returns:
        return
    path = find_cast(given, returns, context.catalog, context.version)
    known = type_facts(given, context.catalog).known and type_facts(returns, context.catalog).known
    if known and (path is None or path.context > CastContext.ASSIGNMENT):
        raise Refused("42P13", mismatch)


# -- the rest ----------------------------------------------------------------------------------------------------------


def alter_function(context: Context, node: Any) -> None:
    """Refuse ALTER FUNCTION … on one that does not exist."""
    found = find_function(context, node.func, node.objtype)
    changed = {item.def_elem.defname for item in node.actions}
    for item in node.actions:
        if item.def_elem.defname == "set":
            set_variable(context, unwrap(item.def_elem.arg))
    if found is not None and "rows" in changed and not found.returns_set:
        raise Refused("22023", "ROWS is not applicable when function does not return a set")


def define(context: Context, node: Any) -> None:
    """Note the effects of a ``DefineStmt``: CREATE AGGREGATE, OPERATOR, TYPE, COLLATION, TEXT SEARCH …."""
    elements = {item.def_elem.defname: item.def_elem for item in node.definition}
    schema, name = qualified(node.defnames)
    if schema and schema not in context.catalog.schemas and not schema.startswith("pg_"):
        context.absent("3F000", f'schema "{schema}" does not exist')
    match node.kind:
        case pg.OBJECT_AGGREGATE:
            for word in ("sfunc", "finalfunc", "combinefunc"):
                if word in elements:
                    _require_routine(context, elements[word].arg)
        case pg.OBJECT_OPERATOR:
            for word in ("function", "procedure"):
                if word in elements:
                    _require_routine(context, elements[word].arg)
        case pg.OBJECT_TYPE:
            existing = context.user_type((schema, name))
            if existing is not None and existing.kind is not TypeKind.BASE:
                raise Refused("42710", f'type "{name}" already exists')
        case pg.OBJECT_COLLATION:
            _collation(context, node, elements)
        case pg.OBJECT_TSCONFIGURATION if "copy" in elements:
            copied = unwrap(elements["copy"].arg)
            parts = copied.names if isinstance(copied, pg.TypeName) else copied.items
            require_object(context, pg.OBJECT_TSCONFIGURATION, pg.Node(list=pg.List(items=parts)))


def _require_routine(context: Context, node: Any) -> None:
    inner = unwrap(node)
    names = inner.names if isinstance(inner, pg.TypeName) else inner.items if isinstance(inner, pg.List) else None
    if names is None:
        return
    base = strings(names)[-1]
    if not context.functions(names) and not builtins(context.version).functions(base):
        context.absent("42883", f"function {base} does not exist")


def _collation(context: Context, node: Any, elements: dict[str, Any]) -> None:
    from sluicegate.effects.index_definition import check_collation_exists

    name = qualified(node.defnames)[1]
    if ("collation", name) in context.catalog.others and not node.if_not_exists:
        raise Refused("42710", f'collation "{name}" already exists')
    if "from" in elements:
        check_collation_exists(context, unwrap(elements["from"].arg).items)

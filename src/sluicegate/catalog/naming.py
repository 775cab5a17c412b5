"""The names PostgreSQL chooses when a statement gives none: constraints, indexes, sequences, columns of queries."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from postgast import pg_query_pb2 as pg

from sluicegate.statements.nodes import string, strings, unwrap

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence

LIMIT = 63
"""Bytes of a name: ``NAMEDATALEN`` - 1. The server cuts longer ones when it reads them."""


def clip(name: str, limit: int = LIMIT) -> str:
    """Cut a name to a number of bytes without splitting a character."""
    encoded = name.encode()
    return name if len(encoded) <= limit else encoded[:limit].decode(errors="ignore")


def join_name(first: str, second: str | None, label: str | None) -> str:
    """Join parts with underscores and shorten the longer of the first two until the whole fits.

    Source: ``makeObjectName`` in PostgreSQL's indexcmds.c.
    """
    one, two = len(first.encode()), len((second or "").encode())
    available = LIMIT - (len(label.encode()) + 1 if label else 0) - (1 if second else 0)
    while one + two > available:
        if one > two:
            one -= 1
        else:
            two -= 1
    parts = [clip(first, one)]
    if second:
        parts.append(clip(second, two))
    if label:
        parts.append(label)
    return "_".join(parts)


def choose(first: str, second: str | None, label: str, taken: Callable[[str], bool]) -> str:
    """Return the first free name: ``first_second_label``, then with ``label1``, ``label2`` and so on."""
    tried = join_name(first, second, label)
    number = 0
    while taken(tried):
        number += 1
        tried = join_name(first, second, f"{label}{number}")
    return tried


def joined_columns(columns: Iterable[str]) -> str:
    """Join column names for an index name, ending once it is long enough (``ChooseIndexNameAddition``)."""
    text = ""
    for column in columns:
        text += f"_{clip(column)}" if text else clip(column)
        if len(text.encode()) >= LIMIT + 1:
            break
    return text


def index_column_names(names: Sequence[str]) -> list[str]:
    """Return the names of an index's columns, equal ones told apart by a number (``ChooseIndexColumnNames``)."""
    chosen: list[str] = []
    for name in names:
        candidate, number = clip(name), 0
        while candidate in chosen:
            number += 1
            suffix = str(number)
            candidate = clip(name, LIMIT - len(suffix)) + suffix
        chosen.append(candidate)
    return chosen


def index_key_name(element: Any) -> str:
    """Return the name of one key of an index (an ``IndexElem``)."""
    if element.indexcolname:
        return str(element.indexcolname)
    if element.name:
        return str(element.name)
    return _figure(element.expr)[1] or "expr"


def column_name(node: Any) -> str:
    """Return the name of a query's output column (a ``ResTarget``'s value), ``?column?`` when nothing suggests one."""
    return _figure(node)[1] or "?column?"


# FigureColnameInternal in PostgreSQL's parse_target.c: how strongly an expression suggests a name, and which.
_NOTHING: tuple[int, str | None] = (0, None)

_VALUE_FUNCTIONS = {
    pg.SVFOP_CURRENT_DATE: "current_date",
    pg.SVFOP_CURRENT_TIME: "current_time",
    pg.SVFOP_CURRENT_TIME_N: "current_time",
    pg.SVFOP_CURRENT_TIMESTAMP: "current_timestamp",
    pg.SVFOP_CURRENT_TIMESTAMP_N: "current_timestamp",
    pg.SVFOP_LOCALTIME: "localtime",
    pg.SVFOP_LOCALTIME_N: "localtime",
    pg.SVFOP_LOCALTIMESTAMP: "localtimestamp",
    pg.SVFOP_LOCALTIMESTAMP_N: "localtimestamp",
    pg.SVFOP_CURRENT_ROLE: "current_role",
    pg.SVFOP_CURRENT_USER: "current_user",
    pg.SVFOP_USER: "user",
    pg.SVFOP_SESSION_USER: "session_user",
    pg.SVFOP_CURRENT_CATALOG: "current_catalog",
    pg.SVFOP_CURRENT_SCHEMA: "current_schema",
}
_XML = {
    pg.IS_XMLCONCAT: "xmlconcat",
    pg.IS_XMLELEMENT: "xmlelement",
    pg.IS_XMLFOREST: "xmlforest",
    pg.IS_XMLPARSE: "xmlparse",
    pg.IS_XMLPI: "xmlpi",
    pg.IS_XMLROOT: "xmlroot",
}
_FIXED = {
    pg.CoalesceExpr: "coalesce",
    pg.RowExpr: "row",
    pg.A_ArrayExpr: "array",
    pg.XmlSerialize: "xmlserialize",
    pg.JsonParseExpr: "json",
    pg.JsonScalarExpr: "json_scalar",
    pg.JsonSerializeExpr: "json_serialize",
    pg.JsonObjectConstructor: "json_object",
    pg.JsonArrayConstructor: "json_array",
    pg.JsonArrayQueryConstructor: "json_array",
    pg.JsonObjectAgg: "json_objectagg",
    pg.JsonArrayAgg: "json_arrayagg",
    pg.GroupingFunc: "grouping",
    pg.MergeSupportFunc: "merge_action",
}
_JSON_FUNCTIONS = {
    pg.JSON_EXISTS_OP: "json_exists",
    pg.JSON_QUERY_OP: "json_query",
    pg.JSON_VALUE_OP: "json_value",
}


def _figure(node: Any) -> tuple[int, str | None]:
    inner = unwrap(node)
    if inner is None:
        return _NOTHING
    fixed = _FIXED.get(type(inner))
    if fixed is not None:
        return 2, fixed
    match inner:
        case pg.ColumnRef():
            return _last_string(inner.fields, _NOTHING)
        case pg.A_Indirection():
            return _last_string(inner.indirection, None) if _any_string(inner.indirection) else _figure(inner.arg)
        case pg.FuncCall():
            return 2, strings(inner.funcname)[-1]
        case pg.A_Expr():
            return (2, "nullif") if inner.kind == pg.AEXPR_NULLIF else _NOTHING
        case pg.TypeCast():
            strength, name = _figure(inner.arg)
            return (strength, name) if strength > 1 else (1, strings(inner.type_name.names)[-1])
        case pg.CollateClause():
            return _figure(inner.arg)
        case pg.MinMaxExpr():
            return 2, "greatest" if inner.op == pg.IS_GREATEST else "least"
        case pg.SQLValueFunction():
            return 2, _VALUE_FUNCTIONS.get(inner.op)
        case pg.XmlExpr():
            return (2, _XML[inner.op]) if inner.op in _XML else _NOTHING
        case pg.JsonFuncExpr():
            return (2, _JSON_FUNCTIONS[inner.op]) if inner.op in _JSON_FUNCTIONS else _NOTHING
        case pg.CaseExpr():
            strength, name = _figure(inner.defresult)
            return (strength, name) if strength > 1 else (1, "case")
        case pg.SubLink():
            return _sublink(inner)
        case _:
            return _NOTHING


def _sublink(node: Any) -> tuple[int, str | None]:
    if node.sub_link_type == pg.EXISTS_SUBLINK:
        return 2, "exists"
    if node.sub_link_type == pg.ARRAY_SUBLINK:
        return 2, "array"
    if node.sub_link_type == pg.EXPR_SUBLINK:
        select = unwrap(node.subselect)
        while isinstance(select, pg.SelectStmt) and select.op != pg.SETOP_NONE:
            select = select.larg
        if isinstance(select, pg.SelectStmt) and select.target_list:
            target = select.target_list[0].res_target
            return (2, target.name) if target.name else _figure(target.val)
    return _NOTHING


def _any_string(nodes: Any) -> bool:
    return any(isinstance(unwrap(node), pg.String) for node in nodes)


def _last_string(nodes: Any, otherwise: tuple[int, str | None] | None) -> tuple[int, str | None]:
    names = [string(node) for node in nodes if isinstance(unwrap(node), pg.String)]
    return (2, names[-1]) if names else (otherwise or _NOTHING)

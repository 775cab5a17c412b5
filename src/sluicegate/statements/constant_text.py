"""SQL text that is put together from constants alone: what EXECUTE would run, known without running it."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

from postgast import pg_query_pb2 as pg

from sluicegate.errors import ParseError
from sluicegate.statements.nodes import strings, unwrap, value_of
from sluicegate.statements.parse import parse_statement

if TYPE_CHECKING:
    from collections.abc import Mapping

_PLAIN_NAME = re.compile(r"[a-z_][a-z0-9_$]*")
_DIRECTIVE = re.compile(r"%(?:(?P<position>\d+)\$)?(?P<kind>[sIL%])")


def constant_text(expression: str, variables: Mapping[str, str]) -> str | None:
    """Return the text an SQL expression always gives, or None when it depends on more than constants.

    String literals, ``||``, ``format``, ``quote_ident``, ``quote_literal``, ``concat`` and casts to text are followed.

    Args:
        expression: the expression as written.
        variables: names whose text is known.
    """
    try:
        statement = parse_statement(f"SELECT {expression}")
    except ParseError:
        return None
    if statement.kind != "select_stmt" or len(statement.node.target_list) != 1 or statement.node.from_clause:
        return None
    return _text(statement.node.target_list[0].res_target.val, variables)


def constant_texts(expression: str) -> tuple[str, ...] | None:
    """Return the texts of ``ARRAY['a', 'b']``, or None when one of them is no constant."""
    try:
        statement = parse_statement(f"SELECT {expression}")
    except ParseError:
        return None
    if statement.kind != "select_stmt" or len(statement.node.target_list) != 1:
        return None
    inner = unwrap(statement.node.target_list[0].res_target.val)
    while isinstance(inner, pg.TypeCast):
        inner = unwrap(inner.arg)
    if not isinstance(inner, pg.A_ArrayExpr):
        return None
    texts = [_text(item, {}) for item in inner.elements]
    return None if None in texts else tuple(text for text in texts if text is not None)


def _text(node: Any, variables: Mapping[str, str]) -> str | None:
    inner = unwrap(node)
    match inner:
        case pg.A_Const():
            value = value_of(inner)
            if isinstance(value, bool):
                return "t" if value else "f"
            return None if value is None else str(value)
        case pg.ColumnRef():
            return variables.get(strings(inner.fields)[-1]) if len(inner.fields) == 1 else None
        case pg.TypeCast() if strings(inner.type_name.names)[-1] in {"text", "varchar", "name"}:
            return _text(inner.arg, variables)
        case pg.A_Expr() if strings(inner.name) == ("||",):
            left, right = _text(inner.lexpr, variables), _text(inner.rexpr, variables)
            return None if left is None or right is None else left + right
        case pg.FuncCall():
            return _call(strings(inner.funcname)[-1], [_text(item, variables) for item in inner.args])
        case _:
            return None


def _call(name: str, arguments: list[str | None]) -> str | None:
    values = [argument for argument in arguments if argument is not None]
    if len(values) != len(arguments) or not values:
        return None
    match name:
        case "format":
            return _format(values[0], values[1:])
        case "concat":
            return "".join(values)
        case "quote_ident":
            return quoted_name(values[0])
        case "quote_literal":
            return quoted_literal(values[0])
        case "lower" | "upper":
            return values[0].lower() if name == "lower" else values[0].upper()
        case _:
            return None


def _format(pattern: str, values: list[str]) -> str | None:
    parts: list[str] = []
    last = used = 0
    for found in _DIRECTIVE.finditer(pattern):
        parts.append(pattern[last : found.start()])
        last = found.end()
        if found["kind"] == "%":
            parts.append("%")
            continue
        used = int(found["position"]) if found["position"] else used + 1
        if not 0 < used <= len(values):
            return None
        value = values[used - 1]
        if found["kind"] == "I":
            value = quoted_name(value)
        elif found["kind"] == "L":
            value = quoted_literal(value)
        parts.append(value)
    rest = pattern[last:]
    if "%" in "".join(re.split(_DIRECTIVE, pattern)[0::3]):
        return None  # a width or another directive that is not followed
    return "".join([*parts, rest])


def quoted_name(name: str) -> str:
    """Return a name as SQL: bare where that says the same, in double quotes otherwise."""
    if _PLAIN_NAME.fullmatch(name) and name not in _reserved():
        return name
    return '"' + name.replace('"', '""') + '"'


def quoted_literal(text: str) -> str:
    """Return a text as an SQL literal."""
    escaped = text.replace("'", "''")
    return f" E'{escaped.replace(chr(92), chr(92) * 2)}'" if "\\" in text else f"'{escaped}'"


def _reserved() -> frozenset[str]:
    from sluicegate.statements.keywords import reserved_words

    return reserved_words()

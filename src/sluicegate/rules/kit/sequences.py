"""Columns that a sequence numbers, and statements that number their rows themselves."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

from postgast import pg_query_pb2 as pg

from sluicegate.catalog.model import ConstraintKind, Name
from sluicegate.statements.nodes import string, strings, unwrap, walk_kinds

if TYPE_CHECKING:
    from collections.abc import Iterator

    from sluicegate.catalog.model import Column
    from sluicegate.rules.kit.context import Context

_NEXTVAL = re.compile(r"\bnextval\(\s*'(?P<name>[^']+)'")


def explicit_numbers(context: Context) -> Iterator[tuple[Name, str]]:
    """Yield the numbered key columns to which an INSERT gives numbers that their sequence will give again."""
    if context.kind != "insert_stmt" or context.node.override == pg.OVERRIDING_USER_VALUE:
        return
    table = context.name_of(context.node.relation)
    relation = context.relation(table)
    if relation is None or context.is_exempt(table) or table.schema == "pg_temp":
        return
    names = [unwrap(item).name for item in context.node.cols] or list(relation.columns)
    for position, name in enumerate(names):
        column = relation.columns.get(name)
        if column is None or not _numbered(column) or not _is_key(context, table, name):
            continue
        highest = _highest(context.node, position)
        if highest is not None and not _moved_on(context, table, column, highest):
            yield table, name


def _numbered(column: Column) -> bool:
    return column.identity is not None or _sequence_of(column) is not None


def _sequence_of(column: Column) -> str | None:
    """Return the bare name of the sequence in a column's default."""
    found = _NEXTVAL.search(column.default.sql) if column.default else None
    return found["name"].rpartition(".")[2].strip('"') if found else None


def _is_key(context: Context, table: Name, column: str) -> bool:
    """Tell whether a number that is given twice would be refused."""
    relation = context.before.relations[table]
    unique = (ConstraintKind.PRIMARY_KEY, ConstraintKind.UNIQUE)
    return any(c.kind in unique and c.columns == (column,) for c in relation.constraints.values()) or any(
        index.unique and [key.column for key in index.keys] == [column] for index in context.before.indexes_of(table)
    )


def _highest(insert: Any, position: int) -> float | None:
    """Return the highest number that an INSERT gives a column; infinity where it is not written down, None for none."""
    select = insert.select_stmt.select_stmt
    found: list[float | None] = []
    for row in select.values_lists:
        items = row.list.items
        if position < len(items):
            found.append(_number(items[position]))
    if position < len(select.target_list):
        found.append(_number(unwrap(select.target_list[position]).val))
    numbers = [number for number in found if number is not None and number > 0]  # a sequence begins at 1
    return max(numbers, default=None)


def _number(node: Any) -> float | None:
    inner = unwrap(node)
    while isinstance(inner, pg.TypeCast):
        inner = unwrap(inner.arg)
    if isinstance(inner, pg.SetToDefault):
        return None
    if isinstance(inner, pg.A_Const):
        if inner.HasField("ival"):
            return int(inner.ival.ival)
        text = inner.fval.fval if inner.HasField("fval") else inner.sval.sval
        return float(text) if re.fullmatch(r"-?\d+", text) else None
    if isinstance(inner, pg.A_Expr) and not inner.HasField("lexpr") and string(inner.name[0]) == "-":
        return None  # below zero
    if any(strings(call.funcname)[-1] == "nextval" for call in walk_kinds(inner, pg.FuncCall)):
        return None
    return float("inf")


def _moved_on(context: Context, table: Name, column: Column, highest: float) -> bool:
    """Tell whether the revision itself sets the sequence, or had it begin, above the numbers."""
    own = {table.name, _sequence_of(column) or f"{table.name}_{column.name}_seq"}
    for other in (*context.earlier(), *context.later()):
        if any(strings(call.funcname)[-1] == "setval" for call in walk_kinds(other.node, pg.FuncCall)):
            named = {constant.sval.sval for constant in walk_kinds(other.node, pg.A_Const) if constant.HasField("sval")}
            bare = {text.rpartition(".")[2].strip('"') for text in named}
            if not bare or bare & own or any(name in other.statement.sql for name in own):
                return True
        if any(_begins_above(element, highest) for element in _starts(other, own)):
            return True
    return False


def _starts(context: Context, own: set[str]) -> Iterator[Any]:
    """Yield the START and RESTART options of a statement about a table or its sequence."""
    if any(variable.relname in own for variable in walk_kinds(context.node, pg.RangeVar)):
        yield from (e for e in walk_kinds(context.node, pg.DefElem) if e.defname in ("start", "restart"))


def _begins_above(element: Any, highest: float) -> bool:
    value = unwrap(element.arg) if element.HasField("arg") else None
    if isinstance(value, pg.Integer):
        return int(value.ival) > highest
    return isinstance(value, pg.Float) and float(value.fval) > highest

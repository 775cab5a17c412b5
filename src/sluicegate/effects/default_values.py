"""Defaults that ADD COLUMN evaluates at once and that do not fit: out of range, wrong dimensions, divided by zero."""

from __future__ import annotations

import operator
from decimal import Decimal, InvalidOperation
from typing import TYPE_CHECKING, Any

from postgast import pg_query_pb2 as pg

from sluicegate.catalog.expressions.literals import round_half_up
from sluicegate.catalog.types import CATALOG_SCHEMA, base_type, display
from sluicegate.effects.context import Refused
from sluicegate.effects.failing_values import literal_dimensions
from sluicegate.statements.nodes import strings, unwrap, value_of, walk_kinds

if TYPE_CHECKING:
    from collections.abc import Callable

    from sluicegate.catalog.model import Catalog, SqlType

_LIMITS = {"int2": 1 << 15, "int4": 1 << 31, "int8": 1 << 63}


def refuse_value(node: Any, sql_type: SqlType, catalog: Catalog) -> None:
    """Refuse a constant default that cannot be stored in a column of the type.

    Raises:
        Refused: it is out of range (22003), divides by zero (22012), or has other dimensions (22000).
    """
    for operation in walk_kinds(node, pg.A_Expr):
        zero = operation.HasField("rexpr") and _number(operation.rexpr) == 0
        if strings(operation.name)[-1:] in {("/",), ("%",)} and zero and not any(walk_kinds(node, pg.FuncCall)):
            raise Refused("22012", "division by zero")
    inner = base_type(sql_type, catalog)
    _refuse_dimensions(node, inner, catalog)
    number = _number(node)
    if number is None or inner.array or inner.name.schema != CATALOG_SCHEMA:
        return
    limit = _LIMITS.get(inner.name.name)
    if limit is not None and not -limit <= round_half_up(number, 0) < limit:
        raise Refused("22003", f"{display(inner)} out of range")
    if inner.name.name == "numeric" and inner.modifiers:
        precision, scale = (*inner.modifiers, 0)[:2]
        if abs(round_half_up(number, scale)) >= Decimal(10) ** (precision - scale):
            raise Refused("22003", "numeric field overflow")


def _number(node: Any) -> Decimal | None:
    """Return a numeric constant with its sign, or None for anything else."""
    inner = unwrap(node)
    if isinstance(inner, pg.A_Expr) and strings(inner.name) == ("-",) and not inner.HasField("lexpr"):
        below = _number(inner.rexpr)
        return None if below is None else -below
    if isinstance(inner, pg.A_Expr) and strings(inner.name)[-1:] in _ARITHMETIC and inner.HasField("lexpr"):
        return _computed(inner)
    if not isinstance(inner, pg.A_Const) or inner.isnull or inner.WhichOneof("val") not in {"ival", "fval"}:
        return None
    try:
        return Decimal(str(value_of(inner)).replace("_", ""))
    except InvalidOperation:
        return None


_ARITHMETIC: dict[tuple[str, ...], Callable[[Decimal, Decimal], Decimal]] = {
    ("+",): operator.add,
    ("-",): operator.sub,
    ("*",): operator.mul,
}


def _computed(node: Any) -> Decimal | None:
    """Return a sum, difference or product of whole numbers, which overflows as the wider one's type does."""
    left, right = _number(node.lexpr), _number(node.rexpr)
    if left is None or right is None or left.as_tuple().exponent != 0 or right.as_tuple().exponent != 0:
        return None  # a number with a point is numeric, which does not overflow here
    found = _ARITHMETIC[strings(node.name)[-1:]](left, right)
    wide = max(abs(left), abs(right)) >= _LIMITS["int4"]
    limit, word = (_LIMITS["int8"], "bigint") if wide else (_LIMITS["int4"], "integer")
    if max(abs(left), abs(right)) < _LIMITS["int8"] and not -limit <= found < limit:
        raise Refused("22003", f"{word} out of range")
    return found


def _refuse_dimensions(node: Any, sql_type: SqlType, catalog: Catalog) -> None:
    user_type = catalog.types.get(sql_type.name)
    if sql_type.array or user_type is None or user_type.extension != "vector" or not sql_type.modifiers:
        return
    written = literal_dimensions(node)
    if written is not None and written != sql_type.modifiers[0]:
        raise Refused("22000", f"expected {sql_type.modifiers[0]} dimensions, not {written}")

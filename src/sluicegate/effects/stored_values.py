"""Constants that do not fit the columns they are stored in: numbers out of range, texts that are too long."""

from __future__ import annotations

from decimal import Decimal, InvalidOperation
from typing import TYPE_CHECKING, Any

from postgast import pg_query_pb2 as pg

from sluicegate.catalog.types import CATALOG_SCHEMA, base_type, display
from sluicegate.effects.context import Refused
from sluicegate.statements.nodes import strings, unwrap, value_of

if TYPE_CHECKING:
    from sluicegate.catalog.model import Catalog, Column

_LIMITS = {"int2": (2**15, "smallint"), "int4": (2**31, "integer"), "int8": (2**63, "bigint")}
_LONGEST = 1_000_000  # characters of a text that repeat() gives; a longer one is not worked out


def check_fits(column: Column, value: Any, catalog: Catalog) -> None:
    """Refuse a constant that a column cannot hold; the server finds out while it plans, whatever rows there are.

    Literals in quotes are checked where they are read.

    Raises:
        Refused: a number is out of range (22003), or a text too long (22001).
    """
    target = base_type(column.type, catalog)
    if target.array or target.name.schema != CATALOG_SCHEMA:
        return
    name = target.name.name
    if name in {"varchar", "bpchar"} and target.modifiers:
        text = _text(value)
        if text is not None and len(text.rstrip(" ")) > target.modifiers[0]:
            raise Refused("22001", f"value too long for type {display(target)}")
        return
    number = _number(value)
    if number is None:
        return
    if name in _LIMITS:
        limit, shown = _LIMITS[name]
        if not -limit <= number.to_integral_value() < limit:
            raise Refused("22003", f"{shown} out of range")
    elif name == "numeric" and target.modifiers:
        precision, scale = (*target.modifiers, 0)[:2]
        if number and abs(round(number, max(scale, 0))) >= Decimal(10) ** (precision - scale):
            raise Refused("22003", "numeric field overflow")


def _number(node: Any) -> Decimal | None:
    inner = unwrap(node)
    if isinstance(inner, pg.A_Expr) and strings(inner.name) == ("-",) and not inner.HasField("lexpr"):
        found = _number(inner.rexpr)
        return None if found is None else -found
    if not isinstance(inner, pg.A_Const) or inner.WhichOneof("val") not in {"ival", "fval"}:
        return None
    try:
        return Decimal(str(value_of(inner)).replace("_", ""))
    except InvalidOperation:
        return None


def _text(node: Any) -> str | None:
    """Return the text of an expression that the planner works out."""
    inner = unwrap(node)
    if isinstance(inner, pg.A_Const) and inner.HasField("sval"):
        return str(value_of(inner))
    if isinstance(inner, pg.TypeCast) and strings(inner.type_name.names)[-1] == "text":
        return _text(inner.arg)
    if isinstance(inner, pg.A_Expr) and strings(inner.name) == ("||",):
        left, right = _text(inner.lexpr), _text(inner.rexpr)
        return None if left is None or right is None else left + right
    if isinstance(inner, pg.FuncCall) and strings(inner.funcname)[-1] == "repeat" and len(inner.args) == 2:
        piece, count = _text(inner.args[0]), _number(inner.args[1])
        if piece is not None and count is not None and len(piece) * count <= _LONGEST:
            return piece * int(count)
    return None

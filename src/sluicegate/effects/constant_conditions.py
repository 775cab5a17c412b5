"""What a condition says of a row of constants: the CHECKs of tables and domains, worked out without a server."""

from __future__ import annotations

import re
from decimal import Decimal
from typing import TYPE_CHECKING, Any

from postgast import pg_query_pb2 as pg

from sluicegate.effects.constants import Incomparable, constant, less
from sluicegate.statements.nodes import strings, unwrap, value_of

if TYPE_CHECKING:
    from collections.abc import Mapping

    from sluicegate.catalog.model import Catalog, SqlType

_COMPARISONS = {"=", "<>", "!=", "<", "<=", ">", ">="}
_LIKES = {"~~": (False, False), "!~~": (True, False), "~~*": (False, True), "!~~*": (True, True)}
_MATCHES = {"~": (False, False), "!~": (True, False), "~*": (False, True), "!~*": (True, True)}
_SAME_IN_BOTH = re.compile(r"[\w\s@.^$*+?()|\[\]/,:;<>=!%&#'\"-]*")
"""Regular expressions of these characters mean the same to PostgreSQL and to Python."""


class Constants:
    """A row of constants: the values of columns, with the columns' types.

    ``values`` has None for NULL; a column that is not in it is not known.
    """

    def __init__(self, values: Mapping[str, Any], types: Mapping[str, SqlType], catalog: Catalog) -> None:
        self._values = values
        self._types = types
        self._catalog = catalog

    def holds(self, condition: Any) -> bool | None:
        """Return what a condition gives for the row; None for NULL, which a CHECK accepts.

        Raises:
            Incomparable: it cannot be told.
        """
        node = unwrap(condition)
        match node:
            case pg.BoolExpr():
                return self._joined(node)
            case pg.NullTest():
                return (self._value(node.arg) is None) is bool(node.nulltesttype == pg.IS_NULL)
            case pg.A_Expr() if node.kind in {pg.AEXPR_IN, pg.AEXPR_OP_ANY}:
                return self._member(node)
            case pg.A_Expr() if node.kind in {pg.AEXPR_BETWEEN, pg.AEXPR_NOT_BETWEEN}:
                return self._between(node)
            case pg.A_Expr() if node.kind in {pg.AEXPR_OP, pg.AEXPR_LIKE, pg.AEXPR_ILIKE}:
                return self._compared(strings(node.name)[-1], node.lexpr, node.rexpr)
            case pg.ColumnRef() | pg.A_Const():
                value = self._value(node)
                if value is None or isinstance(value, bool):
                    return value
        raise Incomparable

    def _joined(self, node: Any) -> bool | None:
        if node.boolop == pg.NOT_EXPR:
            found = self.holds(node.args[0])
            return None if found is None else not found
        deciding = bool(node.boolop == pg.OR_EXPR)
        results: list[bool | None] = []
        unknown: Incomparable | None = None
        for part in node.args:
            try:
                results.append(self.holds(part))
            except Incomparable as incomparable:
                unknown = incomparable
        if deciding in results:
            return deciding
        if unknown is not None:
            raise unknown
        return None if None in results else not deciding

    def _member(self, node: Any) -> bool | None:
        inner = unwrap(node.rexpr)
        while isinstance(inner, pg.TypeCast):
            inner = unwrap(inner.arg)
        items = inner.elements if isinstance(inner, pg.A_ArrayExpr) else getattr(inner, "items", None)
        operator = strings(node.name)[-1]
        if items is None or operator not in {"=", "<>"} or (operator == "<>" and node.kind != pg.AEXPR_IN):
            raise Incomparable
        results = [self._compared("=", node.lexpr, item) for item in items]
        found = True if True in results else None if None in results else False
        return found if operator == "=" or found is None else not found

    def _between(self, node: Any) -> bool | None:
        low, high = unwrap(node.rexpr).items
        results = (self._compared(">=", node.lexpr, low), self._compared("<=", node.lexpr, high))
        found = False if False in results else None if None in results else True
        return found if node.kind == pg.AEXPR_BETWEEN or found is None else not found

    def _compared(self, operator: str, one: Any, other: Any) -> bool | None:
        left, right = self._value(one, other), self._value(other, one)
        if left is None or right is None:
            return None
        if operator in _COMPARISONS:
            return _ordered(operator, left, right)
        if not isinstance(left, str) or not isinstance(right, str):
            raise Incomparable
        if operator in _LIKES:
            negated, any_case = _LIKES[operator]
            return (_like(left, right, any_case=any_case)) != negated
        if operator in _MATCHES and _SAME_IN_BOTH.fullmatch(right):
            negated, any_case = _MATCHES[operator]
            try:
                found = re.search(right, left, re.IGNORECASE if any_case else 0)
            except re.error:
                raise Incomparable from None
            return (found is not None) != negated
        raise Incomparable

    def _value(self, node: Any, partner: Any = None) -> Any:
        """Return an expression's value, a bare literal read as the type of what it is compared with."""
        inner = unwrap(node)
        match inner:
            case pg.ColumnRef() if len(inner.fields) == 1:
                name = strings(inner.fields)[0]
                if name not in self._values:
                    raise Incomparable
                return self._values[name]
            case pg.A_Const():
                hint = self._hint(partner)
                return constant(inner, hint, self._catalog) if hint is not None else _plain(inner)
            case pg.TypeCast() if strings(inner.type_name.names)[-1] in {"text", "varchar"}:
                return self._value(inner.arg)
            case pg.FuncCall():
                return self._call(inner)
        raise Incomparable

    def _hint(self, partner: Any) -> SqlType | None:
        inner = unwrap(partner) if partner is not None else None
        while isinstance(inner, pg.TypeCast):
            inner = unwrap(inner.arg)
        if isinstance(inner, pg.ColumnRef) and len(inner.fields) == 1:
            return self._types.get(strings(inner.fields)[0])
        return None

    def _call(self, node: Any) -> Any:
        name = strings(node.funcname)[-1]
        if len(node.args) != 1 or len(node.funcname) > 1:
            raise Incomparable
        value = self._value(node.args[0])
        if value is None:
            return None
        if isinstance(value, tuple) and name == "vector_dims":
            return Decimal(len(value))
        if not isinstance(value, str):
            raise Incomparable
        match name:
            case "length" | "char_length" | "character_length":
                return Decimal(len(value))
            case "octet_length":
                return Decimal(len(value.encode()))
            case "lower" | "upper" if value.isascii():
                return value.lower() if name == "lower" else value.upper()
            case "btrim":
                return value.strip(" ")
        raise Incomparable


def _plain(node: Any) -> Any:
    value = value_of(node)
    if isinstance(value, bool) or value is None:
        return value
    if node.WhichOneof("val") == "bsval":
        raise Incomparable
    return str(value) if node.HasField("sval") else Decimal(str(value).replace("_", ""))


def _ordered(operator: str, left: Any, right: Any) -> bool:
    if type(left) is not type(right) and not (
        isinstance(left, int | Decimal) and isinstance(right, int | Decimal) and not isinstance(left, bool)
    ):
        raise Incomparable
    match operator:
        case "=":
            return bool(left == right)
        case "<>" | "!=":
            return bool(left != right)
        case "<" | ">=":
            return less(left, right) == (operator == "<")
        case _:
            return less(right, left) == (operator == ">")


def _like(text: str, pattern: str, *, any_case: bool) -> bool:
    """Match a LIKE pattern (PostgreSQL 18 manual, 9.7.1 "LIKE"), with the backslash as escape character."""
    if pattern.endswith("\\"):
        raise Incomparable
    expression = ""
    escaped = False
    for letter in pattern:
        if escaped or letter not in "%_\\":
            expression += re.escape(letter)
            escaped = False
        elif letter == "\\":
            escaped = True
        else:
            expression += ".*" if letter == "%" else "."
    return re.fullmatch(expression, text, re.DOTALL | (re.IGNORECASE if any_case else 0)) is not None

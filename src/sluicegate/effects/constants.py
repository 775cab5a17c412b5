"""Constants of parse trees as values that can be compared the way the server compares them."""

from __future__ import annotations

import datetime as dt
import uuid
from decimal import Decimal, InvalidOperation
from typing import TYPE_CHECKING, Any

from postgast import pg_query_pb2 as pg

from sluicegate.catalog.model import TypeKind
from sluicegate.catalog.types import CATALOG_SCHEMA, base_type, display
from sluicegate.effects.context import Refused
from sluicegate.statements.nodes import string, strings, unwrap, value_of

if TYPE_CHECKING:
    from sluicegate.catalog.model import Catalog, SqlType

_NUMBERS = {"int2", "int4", "int8", "numeric", "float4", "float8", "oid"}
_INTEGERS = {"int2": 2**15, "int4": 2**31, "int8": 2**63}
_TEXTS = {"text", "varchar", "bpchar", "name"}
_BOOLEANS = {"t": True, "true": True, "y": True, "yes": True, "on": True, "1": True} | {
    "f": False,
    "false": False,
    "n": False,
    "no": False,
    "off": False,
    "0": False,
}


class Incomparable(Exception):  # noqa: N818 - an answer, not a failure of ours
    """The constant is of a type, or in a form, whose order we do not know."""


def constant(node: Any, sql_type: SqlType, catalog: Catalog) -> Any:
    """Return a constant as a comparable Python value of a column's type; None for NULL.

    Raises:
        Incomparable: it is no constant, or its order is not known.
        Refused: the server cannot read it as the type (22P02).
    """
    inner = unwrap(node)
    while isinstance(inner, pg.TypeCast):
        inner = unwrap(inner.arg)
    if isinstance(inner, pg.A_Expr) and strings(inner.name) == ("-",) and not inner.HasField("lexpr"):
        number = value_of(inner.rexpr)
        return _read(f"-{number}", sql_type, catalog)
    if isinstance(inner, pg.ColumnRef) and len(inner.fields) == 1:
        raise Incomparable(string(inner.fields[0]))
    if not isinstance(inner, pg.A_Const):
        raise Incomparable
    value = value_of(inner)
    if value is None:
        return None
    return _read(("true" if value else "false") if isinstance(value, bool) else str(value), sql_type, catalog)


def less(one: Any, other: Any) -> bool:
    """Tell whether one constant sorts before another of the same type.

    Raises:
        Incomparable: texts whose order depends on the collation, or values of different types.
    """
    if isinstance(one, str) and isinstance(other, str) and one != other and not (_plain(one) and _plain(other)):
        raise Incomparable
    try:
        return bool(one < other)
    except TypeError as error:
        raise Incomparable from error


def _plain(text: str) -> bool:
    """Tell whether every collation agrees with the order of a text's bytes: digits and lower-case ASCII letters."""
    return text.isascii() and (text == "" or text.isalnum()) and text == text.lower()


def _read(text: str, sql_type: SqlType, catalog: Catalog) -> Any:
    sql_type = base_type(sql_type, catalog)
    if sql_type.array:
        raise Incomparable
    user_type = catalog.types.get(sql_type.name)
    if user_type is not None and user_type.kind is TypeKind.ENUM:
        if text not in user_type.values:
            raise Refused("22P02", f'invalid input value for enum {user_type.name.name}: "{text}"')
        return user_type.values.index(text)
    if user_type is not None and user_type.extension == "vector" and sql_type.name.name in {"vector", "halfvec"}:
        return _vector(text)
    if sql_type.name.schema != CATALOG_SCHEMA:
        raise Incomparable
    name = sql_type.name.name
    invalid = Refused("22P02", f'invalid input syntax for type {display(sql_type)}: "{text}"')
    if name in _NUMBERS:
        return _number(text.strip(), name, invalid)
    if name in _TEXTS:
        return text.rstrip(" ") if name == "bpchar" else text
    if name == "bool":
        if text.lower() not in _BOOLEANS:
            raise invalid
        return _BOOLEANS[text.lower()]
    if name == "uuid":
        try:
            return uuid.UUID(text).int
        except ValueError:
            raise invalid from None
    if name in {"date", "timestamp", "timestamptz"}:
        return _moment(text.strip())
    raise Incomparable


def _vector(text: str) -> tuple[float, ...]:
    try:
        return tuple(float(part) for part in text.strip()[1:-1].split(","))
    except ValueError:
        raise Incomparable from None


def _number(text: str, name: str, invalid: Refused) -> Decimal:
    try:
        number = Decimal(text)
    except InvalidOperation:
        if text.lower() in {"nan", "infinity", "-infinity", "inf", "-inf"} or text[:2].lower() in {"0x", "0o", "0b"}:
            raise Incomparable from None
        raise invalid from None
    if name in _INTEGERS:
        number = number.to_integral_value()
        limit = _INTEGERS[name]
        if not -limit <= number < limit:
            raise Refused("22003", f'value "{text}" is out of range for type {_LONG[name]}')
    return number


_LONG = {"int2": "smallint", "int4": "integer", "int8": "bigint"}


def _moment(text: str) -> dt.datetime:
    """Read an ISO date or time; one without a zone is taken as UTC, which keeps the order among its like."""
    try:
        moment = dt.datetime.fromisoformat(text)
    except ValueError:
        raise Incomparable from None
    return moment if moment.tzinfo is not None else moment.replace(tzinfo=dt.UTC)

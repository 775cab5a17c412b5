"""Whether a text is a value of a type: what the type's input function says when a literal is read."""

from __future__ import annotations

import json
import re
import sys
from decimal import ROUND_HALF_UP, Context, Decimal
from typing import TYPE_CHECKING

from sluicegate.catalog.expressions.compound import array_elements, range_bounds, record_fields
from sluicegate.catalog.expressions.meaning import Invalid
from sluicegate.catalog.expressions.network import check_network
from sluicegate.catalog.expressions.temporal import TEMPORAL, check_temporal
from sluicegate.catalog.expressions.vectors import FLOAT4_LIMIT, NUMBER, vector_dimensions
from sluicegate.catalog.extensions import VECTOR_TYPES
from sluicegate.catalog.model import SqlType, TypeKind
from sluicegate.catalog.type_facts import range_subtype, type_facts
from sluicegate.catalog.types import CATALOG_SCHEMA, base_type, builtin_type, display

if TYPE_CHECKING:
    from sluicegate.catalog.model import Catalog, Relation, UserType

_RANGES = {"int2": 1 << 15, "int4": 1 << 31, "int8": 1 << 63}
_INTEGER = re.compile(r"[+-]?(\d+(_\d+)*|0[xX](_?[0-9a-fA-F])+|0[oO](_?[0-7])+|0[bB](_?[01])+)")
_NUMBER_WORDS = {"nan", "inf", "infinity", "+inf", "+infinity", "-inf", "-infinity"}
_RANGE = re.compile(r"empty|[\[(].*[\])]|\{.*\}", re.DOTALL | re.IGNORECASE)
_UUID = re.compile(r"\{?[0-9a-fA-F]{4}(-?[0-9a-fA-F]{4}){7}\}?")
_TRUTH = ("true", "false", "yes", "no", "on", "off", "1", "0")
_ISO = re.compile(r"\d")
_EXACT = Context(prec=2500, Emax=999_999, Emin=-999_999)


def check_literal(text: str, target: SqlType, catalog: Catalog) -> None:
    """Refuse a text that a type's input function is known to refuse; a text it says nothing of passes.

    Numbers, booleans, UUIDs, JSON, bit strings, enums and pgvector's types are read; dates, networks and other
    types with many spellings are not. Modifiers play no part: see ``check_modifiers``.

    Raises:
        Invalid: the text is no value of the type.
    """
    inner = base_type(target, catalog)
    if inner.array:
        for element in array_elements(text):
            check_literal(element, SqlType(inner.name, inner.modifiers), catalog)
        return
    if type_facts(inner, catalog).category == "R":
        _check_range(text, inner, catalog)
        return
    row = catalog.relations.get(inner.name)
    if row is not None:
        _check_row(text, row, catalog)
        return
    if inner.name.schema == CATALOG_SCHEMA:
        _check_builtin(text, inner)
        return
    user_type = catalog.types.get(inner.name)
    if user_type is None:
        return
    if user_type.kind is TypeKind.ENUM:
        _check_enum(text, user_type, catalog)
    if user_type.extension == "vector" and inner.name.name in VECTOR_TYPES:
        vector_dimensions(text, inner)


def _check_range(text: str, target: SqlType, catalog: Catalog) -> None:
    subtype = range_subtype(target, catalog)
    if not _RANGE.fullmatch(text.strip()):
        raise Invalid("22P02", f'malformed range literal: "{text}"')
    if subtype is None or text.strip().startswith("{"):
        return
    lower, upper = range_bounds(text)
    for bound in (lower, upper):
        if bound is not None:
            check_literal(bound, subtype, catalog)
    if lower is None or upper is None or subtype.name.schema != CATALOG_SCHEMA:
        return
    if subtype.name.name in {"int4", "int8", "numeric"} and NUMBER.fullmatch(lower) and NUMBER.fullmatch(upper):
        backwards = Decimal(lower) > Decimal(upper)
    else:
        # Moments in the same ISO spelling sort as their texts do.
        backwards = _ISO.sub("0", lower) == _ISO.sub("0", upper) and bool(_ISO.match(lower)) and lower > upper
    if backwards:
        raise Invalid("22000", "range lower bound must be less than or equal to range upper bound")


def _check_row(text: str, row: Relation, catalog: Catalog) -> None:
    fields = record_fields(text)
    if len(fields) != len(row.columns) and not (len(row.columns) == 0 and fields == [None]):
        raise Invalid("22P02", f'malformed record literal: "{text}"')
    for field, column in zip(fields, row.columns.values(), strict=False):
        if field is not None:
            check_literal(field, column.type, catalog)
            check_modifiers(field, column.type, catalog, explicit=False)


def _check_enum(text: str, user_type: UserType, catalog: Catalog) -> None:
    shown = display(SqlType(user_type.name))
    if text not in user_type.values:
        raise Invalid("22P02", f'invalid input value for enum {shown}: "{text}"')
    # A value may not be used before the transaction that added it commits; an enum made in the same transaction is
    # an exception from PostgreSQL 17 on (manual of 17, ALTER TYPE, notes).
    now = catalog.transaction
    if now and user_type.added_in.get(text) == now and not (catalog.version >= 17 and user_type.created_in == now):
        raise Invalid("55P04", f'unsafe use of new value "{text}" of enum type {shown}')


def _check_builtin(text: str, target: SqlType) -> None:
    name = target.name.name
    stripped = text.strip(" \t\n\r\v\f")
    refused = Invalid("22P02", f'invalid input syntax for type {display(SqlType(target.name))}: "{text}"')
    match name:
        case "int2" | "int4" | "int8":
            if not _INTEGER.fullmatch(stripped):
                raise refused
            value = int(stripped.replace("_", ""), 0 if re.search(r"0[xXoObB]", stripped) else 10)
            limit = _RANGES[name]
            if not -limit <= value < limit:
                raise Invalid("22003", f'value "{text}" is out of range for type {display(SqlType(target.name))}')
        case "oid":
            if not _INTEGER.fullmatch(stripped):
                raise refused
        case "numeric" | "float4" | "float8":
            if not NUMBER.fullmatch(stripped) and stripped.lower() not in _NUMBER_WORDS and not _hex(stripped):
                raise refused
            _check_float(stripped, name)
        case "bytea":
            _check_bytes(text)
        case "inet" | "cidr":
            check_network(stripped, name, refused)
        case "money":
            if not re.search(r"\d", stripped) or re.search(r"[^\d\s$,.()+-]", stripped):
                raise refused
        case "bool":
            if not stripped or not any(word.startswith(stripped.lower()) for word in _TRUTH) or stripped.lower() == "o":
                raise refused
        case "uuid":
            if not _UUID.fullmatch(text) or text.startswith("{") != text.endswith("}"):
                raise refused
        case "json" | "jsonb":
            _check_json(text, name)
        case "bit" | "varbit":
            _bits(text)
        case _ if name in TEMPORAL:
            check_temporal(text, name)


def check_modifiers(text: str, target: SqlType, catalog: Catalog, *, explicit: bool) -> None:
    """Refuse a value that does not fit a type's modifiers, as the function that applies them does.

    The server finds out when it evaluates the expression, not when it reads it.

    Args:
        text: a literal that the type's input function takes.
        target: the type.
        catalog: the schema.
        explicit: True for a cast that is written out, which cuts strings and bits instead of refusing them.

    Raises:
        Invalid: the value does not fit.
    """
    inner = base_type(target, catalog)
    if not inner.modifiers:
        return
    if inner.array:
        for element in array_elements(text):
            check_modifiers(element, SqlType(inner.name, inner.modifiers), catalog, explicit=explicit)
        return
    if inner.name.schema != CATALOG_SCHEMA:
        user_type = catalog.types.get(inner.name)
        if user_type is not None and user_type.extension == "vector" and inner.name.name in VECTOR_TYPES:
            dimensions = vector_dimensions(text, inner)
            if dimensions != inner.modifiers[0]:
                raise Invalid("22000", f"expected {inner.modifiers[0]} dimensions, not {dimensions}")
        return
    match inner.name.name:
        case "numeric":
            _check_precision(text.strip(), inner)
        case "bit" | "varbit" if not explicit:
            _check_bit_length(_bits(text), inner)
        case "varchar" | "bpchar" if not explicit:
            check_assigned_length(text, inner, catalog)


def _check_float(text: str, name: str) -> None:
    limit = {"float4": FLOAT4_LIMIT, "float8": Decimal(sys.float_info.max)}.get(name)
    if limit is None or not NUMBER.fullmatch(text):
        return
    if abs(Decimal(text.replace("_", ""))) > limit:
        raise Invalid("22003", f'"{text}" is out of range for type {display(builtin_type(name))}')


def _check_bytes(text: str) -> None:
    if not text.startswith("\\x"):
        return
    digits = re.sub(r"\s", "", text[2:])
    if wrong := re.search(r"[^0-9a-fA-F]", digits):
        raise Invalid("22023", f'invalid hexadecimal digit: "{wrong[0]}"')
    if len(digits) % 2:
        raise Invalid("22023", "invalid hexadecimal data: odd number of digits")


def _hex(text: str) -> bool:
    return re.fullmatch(r"[+-]?0[xXoObB][0-9a-fA-F_]+", text) is not None


def check_assigned_length(text: str, target: SqlType, catalog: Catalog) -> None:
    """Refuse a text that is too long for a ``varchar(n)`` or ``char(n)`` it is assigned to, as a default is.

    Raises:
        Invalid: it is longer than n characters, blanks at the end apart.
    """
    inner = base_type(target, catalog)
    if inner.array or inner.name.schema != CATALOG_SCHEMA or not inner.modifiers:
        return
    if inner.name.name in {"varchar", "bpchar"} and len(text.rstrip(" ")) > inner.modifiers[0]:
        raise Invalid("22001", f"value too long for type {display(inner)}")


def _check_precision(text: str, target: SqlType) -> None:
    word = text.lower()
    if word == "nan" or (not NUMBER.fullmatch(text) and word not in _NUMBER_WORDS):
        return
    precision, scale = (*target.modifiers, 0)[:2]
    number = abs(Decimal(text.replace("_", "")))
    if (
        not number.is_finite()
        or (number and number.adjusted() >= precision - scale + 1)
        or round_half_up(number, scale) >= Decimal(10) ** (precision - scale)
    ):
        raise Invalid("22003", "numeric field overflow")


def round_half_up(number: Decimal, scale: int) -> Decimal:
    """Return a number as ``numeric`` rounds it: to a scale, which may be negative, halves away from zero."""
    return (number.scaleb(scale, _EXACT)).quantize(Decimal(1), ROUND_HALF_UP, _EXACT).scaleb(-scale, _EXACT)


def _check_json(text: str, name: str) -> None:
    try:
        json.loads(text, parse_constant=_refuse_constant)
    except (ValueError, RecursionError) as error:
        raise Invalid("22P02", f"invalid input syntax for type {name}") from error
    if name == "jsonb" and "\\u0000" in text:
        raise Invalid("22P05", "unsupported Unicode escape sequence")


def _refuse_constant(word: str) -> None:
    raise ValueError(word)


def _bits(text: str) -> int:
    """Return how many bits a text stands for."""
    digits = text[1:] if text[:1] in "bBxX" and text[:1] else text
    if text[:1] in {"x", "X"}:
        if not re.fullmatch(r"[0-9a-fA-F]*", digits):
            raise Invalid("22P02", f'"{digits[:1]}" is not a valid hexadecimal digit')
        return 4 * len(digits)
    if wrong := re.search(r"[^01]", digits):
        raise Invalid("22P02", f'"{wrong[0]}" is not a valid binary digit')
    return len(digits)


def _check_bit_length(length: int, target: SqlType) -> None:
    if target.name.name == "bit" and length != target.modifiers[0]:
        raise Invalid("22026", f"bit string length {length} does not match type bit({target.modifiers[0]})")
    if target.name.name == "varbit" and length > target.modifiers[0]:
        raise Invalid("22001", f"bit string too long for type bit varying({target.modifiers[0]})")

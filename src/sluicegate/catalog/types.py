"""Types as written, as the catalogs keep them and as messages show them."""

from __future__ import annotations

import functools
from typing import TYPE_CHECKING, Any

from sluicegate.catalog.builtins import VECTOR, builtins
from sluicegate.catalog.model import Name, RelationKind, SqlType, TypeKind
from sluicegate.statements.nodes import strings, value_of

if TYPE_CHECKING:
    from collections.abc import Iterable

    from sluicegate.catalog.model import Catalog, UserType

CATALOG_SCHEMA = "pg_catalog"
FULL_RANGE = 32767  # INTERVAL_FULL_RANGE in utils/timestamp.h: an interval without fields such as DAY TO SECOND
_FULL_PRECISION = 0xFFFF

_SERIALS = {
    **dict.fromkeys(("serial", "serial4"), "int4"),
    **dict.fromkeys(("bigserial", "serial8"), "int8"),
    **dict.fromkeys(("smallserial", "serial2"), "int2"),
}

# format_type() in utils/adt/format_type.c: what goes before the modifiers, and after them.
_DISPLAY = {
    "bit": ("bit", ""),
    "bool": ("boolean", ""),
    "bpchar": ("character", ""),
    "float4": ("real", ""),
    "float8": ("double precision", ""),
    "int2": ("smallint", ""),
    "int4": ("integer", ""),
    "int8": ("bigint", ""),
    "time": ("time", " without time zone"),
    "timetz": ("time", " with time zone"),
    "timestamp": ("timestamp", " without time zone"),
    "timestamptz": ("timestamp", " with time zone"),
    "varbit": ("bit varying", ""),
    "varchar": ("character varying", ""),
    "char": ('"char"', ""),
}


@functools.lru_cache(maxsize=4096)
def builtin_type(name: str, *modifiers: int, array: bool = False) -> SqlType:
    """Return a type of ``pg_catalog``: ``builtin_type("varchar", 20)``."""
    return SqlType(Name(CATALOG_SCHEMA, name), modifiers, array)


def serial_base(type_name: Any) -> SqlType | None:
    """Return the integer type behind ``serial`` and its kin, or None when the type name is another one.

    Source: PostgreSQL 18, parse_utilcmd.c, transformColumnDefinition.
    """
    names = strings(type_name.names)
    if len(names) != 1 or type_name.array_bounds or names[0] not in _SERIALS:
        return None
    return builtin_type(_SERIALS[names[0]])


def written(type_name: Any) -> str:
    """Return a ``TypeName`` as the server repeats it in errors."""
    return ".".join(strings(type_name.names)) + ("[]" if type_name.array_bounds else "")


def find_type(type_name: Any, catalog: Catalog, search_path: Iterable[str]) -> SqlType | None:
    """Return the type a ``TypeName`` means, or None when it is neither built in nor in the catalog."""
    names = strings(type_name.names)
    if type_name.pct_type:
        return _column_type(names, catalog, search_path)
    schema, base = (names[-2] if len(names) > 1 else None), names[-1]
    found = _find_name(schema, base, catalog, tuple(search_path))
    if found is None:
        return None
    modifiers = _modifiers(found.name, type_name)
    return SqlType(found.name, modifiers, array=found.array or bool(type_name.array_bounds))


def type_or_placeholder(type_name: Any, catalog: Catalog, search_path: Iterable[str]) -> SqlType:
    """Return the type a ``TypeName`` means; an unknown one keeps its name, with an empty schema if it has none."""
    found = find_type(type_name, catalog, search_path)
    if found is not None:
        return found
    names = strings(type_name.names)
    name = Name(names[-2] if len(names) > 1 else "", names[-1])
    return SqlType(name, _modifiers(name, type_name), array=bool(type_name.array_bounds))


def _find_name(schema: str | None, base: str, catalog: Catalog, search_path: tuple[str, ...]) -> SqlType | None:
    if schema is None and CATALOG_SCHEMA not in search_path:
        search_path = (CATALOG_SCHEMA, *search_path)
    for candidate in (schema,) if schema else search_path:
        if candidate == CATALOG_SCHEMA:
            builtin = builtins(18).types.get(base)
            if builtin is not None:
                return from_key(base, catalog)
            continue
        name = Name(candidate, base)
        if name in catalog.types:
            return SqlType(name)
        relation = catalog.relations.get(name)
        if relation is not None and relation.kind is not RelationKind.SEQUENCE:
            return SqlType(name)
        if base.startswith("_") and (inner := Name(candidate, base[1:])) in catalog.types:
            return SqlType(inner, array=True)
    return None


def _column_type(names: tuple[str, ...], catalog: Catalog, search_path: Iterable[str]) -> SqlType | None:
    if len(names) < 2:
        return None
    relation = catalog.find_relation(names[-3] if len(names) > 2 else None, names[-2], tuple(search_path))
    column = relation.columns.get(names[-1]) if relation else None
    return column.type if column else None


def _modifiers(name: Name, type_name: Any) -> tuple[int, ...]:
    values = [value_of(node) for node in type_name.typmods]
    # A number may be written as a text: vector('3').
    numbers = tuple(int(value) for value in values if isinstance(value, int) or str(value).strip().isdigit())
    if name == Name(CATALOG_SCHEMA, "interval") and numbers:
        if numbers[0] == FULL_RANGE:
            return numbers[1:]
        return (numbers[0], numbers[1] if len(numbers) > 1 else -1)
    return numbers


def type_modifier(sql_type: SqlType) -> int:
    """Return ``pg_attribute.atttypmod`` for a type; -1 when it has no modifiers.

    ``interval`` keeps ``(precision,)``, or ``(fields, precision or -1)`` with the bits of ``utils/timestamp.h``.
    """
    values = sql_type.modifiers
    if not values:
        return -1
    if sql_type.name.schema != CATALOG_SCHEMA:
        return values[0]
    match sql_type.name.name:
        case "varchar" | "bpchar":
            return values[0] + 4
        case "numeric":
            scale = values[1] if len(values) > 1 else 0
            return ((values[0] << 16) | (scale & 0x7FF)) + 4
        case "interval":
            fields, precision = (FULL_RANGE, values[0]) if len(values) == 1 else values
            return ((fields & 0x7FFF) << 16) | (_FULL_PRECISION if precision < 0 else precision)
        case _:
            return values[0]


def modifiers_from(name: Name, modifier: int) -> tuple[int, ...]:
    """Return a type's modifiers as written, from ``pg_attribute.atttypmod``."""
    if modifier < 0:
        return ()
    if name.schema != CATALOG_SCHEMA:
        return (modifier,)
    match name.name:
        case "varchar" | "bpchar":
            return (modifier - 4,)
        case "numeric":
            scale = (modifier - 4) & 0x7FF
            return ((modifier - 4) >> 16, scale - 0x800 if scale & 0x400 else scale)
        case "interval":
            fields, precision = modifier >> 16, modifier & _FULL_PRECISION
            if fields == FULL_RANGE:
                return () if precision == _FULL_PRECISION else (precision,)
            return (fields, -1 if precision == _FULL_PRECISION else precision)
        case _:
            return (modifier,)


def same_type(one: SqlType, other: SqlType) -> bool:
    """Tell whether two types are the same with the same modifiers, however they were written."""
    return one.name == other.name and one.array == other.array and type_modifier(one) == type_modifier(other)


def display(sql_type: SqlType) -> str:
    """Return a type as ``format_type`` shows it in messages: ``character varying(20)``, ``vector(3)``, ``text[]``."""
    name, values = sql_type.name, sql_type.modifiers
    before, after = name.name, ""
    if name.schema == CATALOG_SCHEMA:
        before, after = _DISPLAY.get(name.name, (name.name, ""))
    elif name.schema not in {"", "public"}:
        before = str(name)
    if name == Name(CATALOG_SCHEMA, "interval") and values:
        before, values = _interval(values)
    if name == Name(CATALOG_SCHEMA, "numeric") and len(values) == 1:
        values = (values[0], 0)
    inside = f"({','.join(map(str, values))})" if values else ""
    if name == Name(CATALOG_SCHEMA, "bpchar") and not values:
        before = "bpchar" if not sql_type.array else "character"
    return f"{before}{inside}{after}{'[]' if sql_type.array else ''}"


_FIELDS = {2: "month", 4: "year", 8: "day", 1 << 10: "hour", 1 << 11: "minute", 1 << 12: "second"}


def _interval(values: tuple[int, ...]) -> tuple[str, tuple[int, ...]]:
    if len(values) == 1:
        return "interval", values
    order = (4, 2, 8, 1 << 10, 1 << 11, 1 << 12)
    named = [_FIELDS[bit] for bit in order if values[0] & bit]
    text = named[0] if len(named) == 1 else f"{named[0]} to {named[-1]}"
    return f"interval {text}", () if values[1] < 0 else (values[1],)


# -- the shipped tables name types by one word ---------------------------------------------------------------------


def key_of(sql_type: SqlType, catalog: Catalog) -> str:
    """Return one word for a type, modifiers apart.

    It is the word by which ``catalog.builtins`` knows the type (``int4``, ``_int4``, ``@vector``) where it does, and
    ``schema.name`` or ``schema.name[]`` for a type of the user's.
    """
    name = sql_type.name
    if name.schema == CATALOG_SCHEMA:
        if not sql_type.array:
            return name.name
        builtin = builtins(18).types.get(name.name)
        return builtin.array if builtin is not None and builtin.array else f"_{name.name}"
    user_type = catalog.types.get(name)
    if user_type is not None and user_type.extension == VECTOR:
        return f"@_{name.name}" if sql_type.array else f"@{name.name}"
    return f"{name}[]" if sql_type.array else str(name)


def from_key(key: str, catalog: Catalog) -> SqlType:
    """Return the type behind the word that ``key_of`` gives."""
    builtin = builtins(18).types.get(key)
    if builtin is not None and builtin.is_array and builtin.element is not None:
        inner = from_key(builtin.element, catalog)
        return SqlType(inner.name, array=True)
    if key.startswith("@"):
        extension = catalog.extensions.get(VECTOR)
        return SqlType(Name(extension.schema if extension else "public", key[1:]))
    if builtin is None and "." in key:
        schema, name = key.removesuffix("[]").split(".", 1)
        return SqlType(Name(schema, name), array=key.endswith("[]"))
    return builtin_type(key)


def base_type(sql_type: SqlType, catalog: Catalog) -> SqlType:
    """Return the type below a domain (through domains over domains), with the modifiers that apply."""
    seen = 0
    while not sql_type.array and (user_type := catalog.types.get(sql_type.name)) is not None:
        if user_type.kind is not TypeKind.DOMAIN or user_type.base is None or seen > 50:
            break
        sql_type, seen = user_type.base, seen + 1
    return sql_type


def user_type_of(sql_type: SqlType, catalog: Catalog) -> UserType | None:
    """Return the user type behind a type or an array of it, or None for a built-in one."""
    return catalog.types.get(sql_type.name)

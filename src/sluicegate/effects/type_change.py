"""Whether another type for a column changes its stored values: the decision behind rewrite or no rewrite.

Source: ``ATColumnChangeRequiresRewrite`` in PostgreSQL's tablecmds.c over an expression that the planner has
simplified: the support functions varchar_support, varbit_support, numeric_support, interval_support, timestamp_support
and time_support drop a length coercion that cannot change any value.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any, NamedTuple

from postgast import pg_query_pb2 as pg

from sluicegate.catalog.casts import CastMethod, find_cast, length_coercion
from sluicegate.catalog.model import SqlType
from sluicegate.catalog.types import CATALOG_SCHEMA, FULL_RANGE, base_type, find_type, type_modifier
from sluicegate.effects.domain_constraints import is_constrained
from sluicegate.statements.nodes import string, unwrap

if TYPE_CHECKING:
    from sluicegate.catalog.model import Catalog

_MOST_PRECISE = 6  # MAX_TIMESTAMP_PRECISION, MAX_TIME_PRECISION and MAX_INTERVAL_PRECISION
_ZONE_CASTS = frozenset({("timestamp", "timestamptz"), ("timestamptz", "timestamp")})
# Names of time zones that never were anything but UTC (tz database, Etc); offsets of zero are the other spelling.
_UTC = re.compile(
    r"(etc/)?(utc|uct|gmt([+-]?0)?|universal|zulu|greenwich)|[+-]?0{1,2}(:?00(:?00)?)?|utc[+-]?0{1,2}|<[+-]?\w+>[+-]?0{1,2}",
    re.IGNORECASE,
)


class Value(NamedTuple):
    """What an expression yields: its type, and whether it is still the column's stored value."""

    type: SqlType
    kept: bool


def is_utc(timezone: str) -> bool:
    """Tell whether a ``TimeZone`` setting has the fixed offset zero (``TimestampTimestampTzRequiresRewrite``)."""
    return _UTC.fullmatch(timezone.strip()) is not None


class Conversion:
    """Follows a column's value through casts, under a time zone."""

    def __init__(self, catalog: Catalog, search_path: tuple[str, ...], version: int, timezone: str) -> None:
        self.catalog, self.search_path, self.version, self.timezone = catalog, search_path, version, timezone

    def keeps_value(self, source: SqlType, target: SqlType) -> bool:
        """Tell whether a column of one type holds the same bytes as one of another, converted by assignment."""
        return self.convert(Value(source, kept=True), target).kept

    def through(self, node: Any, column: str, source: SqlType) -> Value | None:
        """Follow a USING expression; None when it is more than casts around the column itself."""
        inner = unwrap(node)
        match inner:
            case pg.ColumnRef() if inner.fields and string(inner.fields[-1]) == column:
                return Value(source, kept=True)
            case pg.TypeCast():
                value = self.through(inner.arg, column, source)
                target = find_type(inner.type_name, self.catalog, self.search_path)
                return None if value is None or target is None else self.convert(value, target)
            case pg.CollateClause():
                return self.through(inner.arg, column, source)
            case pg.CoalesceExpr() if len(inner.args) == 1:
                return self.through(inner.args[0], column, source)
            case _:
                return None

    def convert(self, value: Value, target: SqlType) -> Value:
        """Return the value as another type (``coerce_to_target_type`` in parse_coerce.c)."""
        source, kept = value
        if source.name == target.name and source.array == target.array:
            return Value(target, kept and self._fits(source, target))
        below = base_type(target, self.catalog)
        bare = base_type(source, self.catalog)
        if below is not target and is_constrained(target, self.catalog):
            kept = False
        # A domain's column has no modifier of its own, so a modifier below the domain is unknown to the planner.
        shown = source if bare is source else SqlType(bare.name, (), bare.array)
        kept = kept and self._relabels(shown, below)
        if shown.name != below.name or shown.array != below.array:
            shown = SqlType(below.name, (), below.array)
        return Value(target, kept and self._fits(shown, below))

    def _relabels(self, source: SqlType, target: SqlType) -> bool:
        """Tell whether a cast, modifiers apart, leaves the stored value alone."""
        if source.name == target.name and source.array == target.array:
            return True
        path = find_cast(source, target, self.catalog, self.version)
        if path is None:
            return False
        if path.method is CastMethod.FUNCTION:
            pair = (source.name, target.name)
            zoned = all(name.schema == CATALOG_SCHEMA for name in pair) and (pair[0].name, pair[1].name) in _ZONE_CASTS
            return zoned and not source.array and is_utc(self.timezone)
        return path.method in {CastMethod.BINARY, CastMethod.SAME}

    def _fits(self, source: SqlType, target: SqlType) -> bool:
        """Tell whether applying a modifier changes no value that fits the old one."""
        if not target.modifiers or type_modifier(source) == type_modifier(target):
            return True
        if length_coercion(target, self.catalog, self.version) is None:
            return True
        return not target.array and modifier_keeps_values(source, target)


def modifier_keeps_values(source: SqlType, target: SqlType) -> bool:
    """Tell whether every value of a type with its old modifier is one with the new modifier.

    Both are the same type; ``target`` has a modifier.
    """
    name = target.name
    if name.schema != CATALOG_SCHEMA or source.name != name:
        return False
    old, new = source.modifiers, target.modifiers
    match name.name:
        case "varchar" | "varbit":
            return bool(old) and old[0] <= new[0]
        case "numeric":
            return bool(old) and _scale(old) == _scale(new) and new[0] >= old[0]
        case "timestamp" | "timestamptz" | "time" | "timetz":
            return new[0] >= _MOST_PRECISE or (bool(old) and new[0] >= old[0])
        case "interval":
            return _interval_keeps(old, new)
        case _:
            return False


def _scale(modifiers: tuple[int, ...]) -> int:
    return modifiers[1] if len(modifiers) > 1 else 0


# Bits of utils/timestamp.h, from the smallest field up; the number is intervaltypmodleastfield's.
_LEAST = ((1 << 12, 0), (1 << 11, 1), (1 << 10, 2), (1 << 3, 3), (1 << 1, 4), (1 << 2, 5))


def _interval_keeps(old: tuple[int, ...], new: tuple[int, ...]) -> bool:
    old_fields, old_precision = _interval_parts(old)
    new_fields, new_precision = _interval_parts(new)
    old_least, new_least = _least_field(old_fields), _least_field(new_fields)
    fine = old_least > 0 or new_precision >= _MOST_PRECISE or new_precision >= old_precision
    return new_least <= old_least and fine


def _interval_parts(modifiers: tuple[int, ...]) -> tuple[int, int]:
    full = 0xFFFF
    if not modifiers:
        return FULL_RANGE, full
    fields, precision = (FULL_RANGE, modifiers[0]) if len(modifiers) == 1 else (modifiers[0], modifiers[1])
    return fields, full if precision < 0 else precision


def _least_field(fields: int) -> int:
    if fields == FULL_RANGE:
        return 0
    return next((number for bit, number in _LEAST if fields & bit), 0)

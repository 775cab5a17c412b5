"""Bound parameters as SQL text, so that a recorded statement says what the server would get."""

from __future__ import annotations

import datetime
import decimal
import enum
import ipaddress
import json
import math
import re
import uuid
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

_PLACEHOLDER = re.compile(r"%(?:%|\((?P<name>[^)]*)\)[sbt]|(?P<next>[sbt])(?![A-Za-z0-9_]))")


class CannotRenderError(Exception):
    """A bound value has no SQL text; a driver would refuse it too."""


@dataclass(frozen=True, slots=True)
class JsonValue:
    """A value that SQLAlchemy's JSON types hand to the driver.

    Attributes:
        value: the Python value.
        dumps: what turns it into text.
    """

    value: Any
    dumps: Callable[[Any], str | bytes] | None = None

    def text(self) -> str:
        """Return the value as JSON."""
        encoded = (self.dumps or _json)(self.value)
        return encoded.decode() if isinstance(encoded, bytes) else encoded


class RangeValue:
    """A range that SQLAlchemy's range types hand to the driver, with the bounds that PostgreSQL's text form has."""

    def __init__(self, lower: Any = None, upper: Any = None, bounds: str = "[)", empty: bool = False) -> None:
        """Build the range; a bound of None is open."""
        self.lower, self.upper, self.bounds, self.empty = lower, upper, bounds, empty

    def text(self) -> str:
        """Return the range as PostgreSQL reads it."""
        if self.empty:
            return "empty"
        return f"{self.bounds[0]}{_range_bound(self.lower)},{_range_bound(self.upper)}{self.bounds[1]}"


class MultirangeValue(list[RangeValue]):
    """Several ranges that SQLAlchemy's multirange types hand to the driver."""

    def text(self) -> str:
        """Return the ranges as PostgreSQL reads them."""
        return "{" + ",".join(item.text() for item in self) + "}"


def interpolate(sql: str, parameters: Mapping[str, Any] | Sequence[Any] | None, *, typed: bool = True) -> str:
    """Put parameters into a statement with ``pyformat`` placeholders.

    Args:
        sql: the statement as a driver gets it: ``%(name)s`` or ``%s``, and ``%%`` for a per cent sign.
        parameters: the values; None leaves the text as it is.
        typed: whether the driver says that JSON is JSON; psycopg 2 sends it as a literal of unknown type.

    Raises:
        CannotRenderError: a value is missing or cannot be written as SQL.
    """
    if parameters is None:
        return sql
    named: Mapping[str, Any] | None = parameters if isinstance(parameters, Mapping) else None
    listed: Sequence[Any] = () if isinstance(parameters, Mapping) else parameters
    position = 0

    def value_for(match: re.Match[str]) -> str:
        nonlocal position
        if match.group() == "%%":
            return "%"
        name = match.group("name")
        try:
            if name is not None:
                if named is None:
                    raise CannotRenderError(f"The statement names a parameter {name!r}, but got a list of values.")
                value = named[name]
            elif named is not None:
                return match.group()  # a stray %s while the parameters are named: leave it to the parser
            else:
                value = listed[position]
                position += 1
        except (KeyError, IndexError):
            raise CannotRenderError(f"The statement has no value for its parameter {name or position + 1}.") from None
        text = literal(value)
        if not typed and isinstance(value, JsonValue):
            text = quoted(value.text())
        following = sql[match.end() : match.end() + 2]
        if text[:1] == "-" and (following == "::" or sql[: match.start()].endswith("-")):
            return f"({text})"
        return text.removesuffix(_own_cast(text)) if following == "::" else text

    return _PLACEHOLDER.sub(value_for, sql)


def literal(value: Any) -> str:
    """Return a Python value as SQL.

    Raises:
        CannotRenderError: no driver could send the value.
    """
    for accepted, render in _RENDERERS:
        if isinstance(value, accepted):
            return render(value)
    if hasattr(value, "to_text"):  # pgvector's Vector, HalfVector and SparseVector
        return quoted(str(value.to_text()))
    if hasattr(value, "tolist"):  # numpy arrays and scalars
        return literal(value.tolist())
    raise CannotRenderError(f"A driver cannot send a value of type {type(value).__name__!r}.")


def quoted(text: str) -> str:
    """Return text as an SQL string constant (``standard_conforming_strings`` is on in every supported server)."""
    if "\0" in text:
        raise CannotRenderError("A bound text holds a NUL character, which PostgreSQL never accepts.")
    return "'" + text.replace("'", "''") + "'"


def _own_cast(text: str) -> str:
    match = re.search(r"::[a-z ]+$", text)
    return match.group() if match and text.startswith(("'", "NULL")) else ""


def _enum(value: enum.Enum) -> str:
    return literal(value.value) if isinstance(value, str | int) else quoted(value.name)


def _float(value: float) -> str:
    return repr(value) if math.isfinite(value) else f"'{str(value).replace('inf', 'Infinity')}'::float8"


def _decimal(value: decimal.Decimal) -> str:
    if value.is_nan():
        return "'NaN'::numeric"
    return f"{value:f}" if value.is_finite() else f"'{value}'::numeric"


def _list(value: Sequence[Any]) -> str:
    return "ARRAY[" + ", ".join(literal(item) for item in value) + "]" if value else "'{}'"


def _json(value: Any) -> str:
    return json.dumps(value, default=str)


def _range_bound(value: Any) -> str:
    if value is None:
        return ""
    text = str(value)
    return '"' + text.replace("\\", "\\\\").replace('"', '\\"') + '"' if re.search(r'[,()\[\]"\\\s]', text) else text


def _time_zone(value: datetime.datetime | datetime.time) -> str:
    return "tz" if value.tzinfo is not None else ""


# The order matters: bool is an int, datetime is a date, an enum may be a str.
_RENDERERS: tuple[tuple[type | tuple[type, ...], Callable[[Any], str]], ...] = (
    (type(None), lambda _: "NULL"),
    (enum.Enum, _enum),
    (bool, lambda value: "true" if value else "false"),
    (int, lambda value: str(int(value))),
    (str, lambda value: quoted(str(value))),
    (float, _float),
    (decimal.Decimal, _decimal),
    (datetime.datetime, lambda value: f"'{value.isoformat(sep=' ')}'::timestamp{_time_zone(value)}"),
    (datetime.date, lambda value: f"'{value.isoformat()}'::date"),
    (datetime.time, lambda value: f"'{value.isoformat()}'::time{_time_zone(value)}"),
    (datetime.timedelta, lambda v: f"'{v.days} days {v.seconds}.{v.microseconds:06d} seconds'::interval"),
    (uuid.UUID, lambda value: f"'{value}'::uuid"),
    ((bytes, bytearray, memoryview), lambda value: f"'\\x{bytes(value).hex()}'::bytea"),
    (JsonValue, lambda value: quoted(value.text()) + "::jsonb"),
    ((RangeValue, MultirangeValue), lambda value: quoted(value.text())),
    (list, _list),
    (tuple, lambda value: "(" + ", ".join(literal(item) for item in value) + ")"),
    ((set, frozenset), lambda value: _list(sorted(value, key=str))),
    (dict, lambda value: quoted(_json(value)) + "::jsonb"),
    (
        (
            ipaddress.IPv4Address,
            ipaddress.IPv6Address,
            ipaddress.IPv4Network,
            ipaddress.IPv6Network,
            ipaddress.IPv4Interface,
            ipaddress.IPv6Interface,
        ),
        lambda value: f"'{value}'::inet",
    ),
)

"""What a schema holds beside relations and types: functions, extensions, publications."""

from __future__ import annotations

import enum
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping

    from sluicegate.catalog.values import Expression, Name, SqlType


class Volatility(enum.StrEnum):
    """``pg_proc.provolatile`` in words."""

    IMMUTABLE = "immutable"
    STABLE = "stable"
    VOLATILE = "volatile"


@dataclass(frozen=True, slots=True)
class Function:
    """A function, procedure or aggregate that a migration or an extension created."""

    name: Name
    argument_types: tuple[SqlType, ...]
    returns: SqlType | None
    volatility: Volatility
    language: str
    body: str = ""
    kind: str = "function"
    strict: bool = False
    security_definer: bool = False
    defaults: int = 0
    variadic: bool = False
    settings: Mapping[str, str] = field(default_factory=dict)
    extension: str | None = None
    returns_set: bool = False
    reads: Mapping[Name, frozenset[str] | None] = field(default_factory=dict)
    argument_names: tuple[str, ...] = ()
    argument_defaults: tuple[Expression, ...] = ()
    outputs: tuple[tuple[str, SqlType], ...] = ()


@dataclass(frozen=True, slots=True)
class Extension:
    """An installed extension, with the schema it lives in and its version where known."""

    name: str
    schema: str = "public"
    version: str | None = None


@dataclass(frozen=True, slots=True)
class Publication:
    """A publication; ``tables`` is None for FOR ALL TABLES."""

    name: str
    tables: frozenset[Name] | None = frozenset()
    schemas: frozenset[str] = frozenset()

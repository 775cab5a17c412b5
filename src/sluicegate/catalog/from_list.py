"""The entries of a FROM list and their columns."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from sluicegate.catalog.model import Column, Name, Relation, RelationKind, SqlType
from sluicegate.catalog.types import builtin_type

if TYPE_CHECKING:
    from collections.abc import Mapping

Columns = dict[str, SqlType | None]
"""Output columns in order; None where the type is not known."""


@dataclass
class Source:
    """One entry of a FROM list.

    ``open`` is True when it may have columns that are not listed; ``merged`` are those that USING joins; ``origins``
    maps a column's alias to its name in the relation.
    """

    name: str
    columns: Columns
    relation: Name | None = None
    schema: str | None = None
    open: bool = False
    merged: frozenset[str] = frozenset()
    origins: dict[str, str] = field(default_factory=dict)


@dataclass
class Scope:
    """The FROM list of one query, inside that of another."""

    sources: list[Source] = field(default_factory=list)
    outer: Scope | None = None


_SEQUENCE_COLUMNS = {"last_value": "int8", "log_cnt": "int8", "is_called": "bool"}


def row_of(relation: Relation) -> Mapping[str, Column]:
    """Return the columns of a relation's rows; a sequence has three."""
    if relation.kind is RelationKind.SEQUENCE:
        return {name: Column(name, builtin_type(kind)) for name, kind in _SEQUENCE_COLUMNS.items()}
    return relation.columns


def aliased(columns: Columns, aliases: tuple[str, ...]) -> Columns:
    """Return columns under their aliases."""
    names = [*aliases, *list(columns)[len(aliases) :]] if columns else list(aliases)
    values = [*columns.values(), *[None] * len(names)]
    return dict(zip(names, values, strict=False))


def united(left: Columns, right: Columns) -> Columns:
    """Return the columns of a set operation."""
    types = list(right.values())
    united: Columns = {}
    for number, (name, found) in enumerate(left.items()):
        other = types[number] if number < len(types) else None
        united[name] = found if found is not None else other
    return united


def resolved(found: SqlType | None) -> SqlType | None:
    """Return an output column's type: a literal without one is text."""
    return builtin_type("text") if found == builtin_type("unknown") else found


def is_record(found: SqlType | None) -> bool:
    """Tell whether a function's result is a row of unknown shape."""
    return found is None or found.name.name == "record"

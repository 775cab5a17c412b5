"""What can be dropped and depended on, as ``pg_depend`` tells objects apart."""

from __future__ import annotations

import enum
from typing import TYPE_CHECKING, NamedTuple

from sluicegate.catalog.types import display
from sluicegate.catalog.values import Name

if TYPE_CHECKING:
    from sluicegate.catalog.model import Function


class Sort(enum.StrEnum):
    """What an object is, in the server's words."""

    RELATION = "table"
    COLUMN = "column"
    CONSTRAINT = "constraint"
    DEFAULT = "default value"
    INDEX = "index"
    TRIGGER = "trigger"
    POLICY = "policy"
    RULE = "rule"
    STATISTICS = "statistics object"
    TYPE = "type"
    FUNCTION = "function"
    SCHEMA = "schema"
    EXTENSION = "extension"


class Thing(NamedTuple):
    """An object: ``owner`` is the relation of a column, constraint or trigger, else the object's own name."""

    sort: Sort
    owner: Name
    part: str = ""


class Need(enum.IntEnum):
    """How strongly a thing depends on another (``pg_depend.deptype``; PostgreSQL 18 manual, 52.18)."""

    NORMAL = 0
    AUTO = 1
    INTERNAL = 2


def relation_thing(name: Name) -> Thing:
    """Return the object that a table, view, sequence or composite type is."""
    return Thing(Sort.RELATION, name)


def function_thing(function: Function) -> Thing:
    """Return the object that a function is; overloads are told apart by their argument types."""
    return Thing(Sort.FUNCTION, function.name, ",".join(display(argument) for argument in function.argument_types))


def schema_thing(name: str) -> Thing:
    """Return the object that a schema is."""
    return Thing(Sort.SCHEMA, Name("", name))


def extension_thing(name: str) -> Thing:
    """Return the object that an extension is."""
    return Thing(Sort.EXTENSION, Name("", name))

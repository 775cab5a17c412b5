"""The smallest values of a schema: a name, a type, an expression."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, NamedTuple


class Name(NamedTuple):
    """A schema-qualified name, unquoted."""

    schema: str
    name: str

    def __str__(self) -> str:
        return f"{self.schema}.{self.name}"


@dataclass(frozen=True, slots=True)
class SqlType:
    """A column's or expression's type.

    Attributes:
        name: PostgreSQL's internal name (``pg_catalog.int4``, ``pg_catalog.varchar``, ``public.vector``).
        modifiers: what stands in the parentheses: ``varchar(20)`` → ``(20,)``, ``numeric(10,2)`` → ``(10, 2)``.
        array: whether it is an array of ``name``.
    """

    name: Name
    modifiers: tuple[int, ...] = ()
    array: bool = False


@dataclass(frozen=True, slots=True)
class Expression:
    """An SQL expression: its text (deparsed) and its parse tree (a ``pg_query`` Node)."""

    sql: str
    node: Any = field(default=None, compare=False, repr=False)

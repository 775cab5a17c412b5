"""What PostgreSQL and pgvector bring along: types, functions, casts, operators, operator classes, as shipped data.

The data is read from real servers of versions 16 and 18 with pgvector 0.8.5 by ``scripts/builtins``. Versions up to 16
are answered from 16's tables, later ones from 18's.
"""

from __future__ import annotations

import functools
import importlib.resources
import json
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from sluicegate.catalog.model import Volatility

if TYPE_CHECKING:
    from collections.abc import Iterable

VECTOR = "vector"
"""The extension whose objects are in the tables; their type names begin with ``@``, as its schema is not fixed."""

_VOLATILITY = {"i": Volatility.IMMUTABLE, "s": Volatility.STABLE, "v": Volatility.VOLATILE}


@dataclass(frozen=True, slots=True)
class BuiltinType:
    """A row of ``pg_type``; types are named as there (``int4``, ``_int4``), pgvector's with ``@`` before."""

    name: str
    kind: str
    category: str
    preferred: bool
    element: str | None
    array: str | None
    length: int
    storage: str
    collatable: bool
    has_modifiers: bool
    input_volatility: Volatility
    output_volatility: Volatility
    subtype: str | None

    @property
    def is_array(self) -> bool:
        """Tell whether it is the array type of its element (and not a vector of fixed kind such as oidvector)."""
        return self.element is not None and self.name.lstrip("@").startswith("_") and self.category == "A"


@dataclass(frozen=True, slots=True)
class BuiltinFunction:
    """A row of ``pg_proc``; ``body`` is the text of an SQL-language function, ``outputs`` its OUT arguments."""

    name: str
    from_vector: bool
    arguments: tuple[str, ...]
    defaults: int
    variadic: str | None
    returns: str
    returns_set: bool
    kind: str
    volatility: Volatility
    strict: bool
    body: str | None
    outputs: tuple[tuple[str, str], ...] = ()


@dataclass(frozen=True, slots=True)
class BuiltinOperator:
    """A row of ``pg_operator`` with its function's volatility; ``left`` is None for a prefix operator."""

    name: str
    from_vector: bool
    left: str | None
    right: str
    result: str
    volatility: Volatility
    function: str
    strict: bool


@dataclass(frozen=True, slots=True)
class BuiltinCast:
    """A row of ``pg_cast``.

    ``context`` is ``i`` (implicit), ``a`` (assignment) or ``e`` (explicit); ``method`` is ``f`` (function), ``b``
    (binary coercible) or ``i`` (through text). ``arguments`` counts its function's: above one, it applies a type
    modifier when source and target are the same type.
    """

    source: str
    target: str
    context: str
    method: str
    volatility: Volatility | None
    arguments: int


@dataclass(frozen=True, slots=True)
class BuiltinOperatorClass:
    """A row of ``pg_opclass``."""

    method: str
    name: str
    from_vector: bool
    input: str
    default: bool
    key: str | None
    family: str


@dataclass(frozen=True, slots=True)
class FamilyOperator:
    """A row of ``pg_amop``; ``purpose`` is ``s`` (search) or ``o`` (ordering)."""

    method: str
    family: str
    strategy: int
    operator: str
    left: str
    right: str
    purpose: str


@dataclass(frozen=True, slots=True)
class AccessMethod:
    """A row of ``pg_am``: ``kind`` is ``i`` (index) or ``t`` (table); the rest is what an index of it can do."""

    name: str
    kind: str
    orders: bool
    unique: bool
    several_columns: bool
    excludes: bool
    includes: bool

    @property
    def clusters(self) -> bool:
        """Tell whether a table can be clustered by an index of this method (``amclusterable`` in its handler)."""
        return self.name in {"btree", "gist"}


@dataclass(frozen=True, slots=True)
class Setting:
    """A row of ``pg_settings``: ``context`` says who may set it and when (``user``, ``sighup``, ``postmaster`` …).

    ``least`` and ``most`` are counted in ``unit``; ``values`` are an enum's, without those PostgreSQL hides.
    """

    name: str
    context: str
    type: str
    unit: str | None
    least: float | None
    most: float | None
    values: list[str] | None


class Builtins:
    """The tables of one server version, indexed on first use."""

    def __init__(self, tables: dict[str, list[Any]]) -> None:
        self._tables = tables

    @functools.cached_property
    def types(self) -> dict[str, BuiltinType]:
        """Types by name."""
        return {row[0]: _typed_row(row) for row in self._tables["types"]}

    @functools.cached_property
    def _function_rows(self) -> dict[str, list[Any]]:
        return _grouped(self._tables["functions"])

    @property
    def function_names(self) -> Iterable[str]:
        """Names of functions, each once."""
        return self._function_rows.keys()

    def functions(self, name: str) -> tuple[BuiltinFunction, ...]:
        """Return the functions of a name."""
        return tuple(
            BuiltinFunction(
                *(row[0], row[1], tuple(row[2]), row[3], row[4], row[5], row[6], row[7]),
                volatility=_VOLATILITY[row[8]],
                strict=row[9],
                body=row[10],
                outputs=tuple((name, word) for name, word in row[11]),
            )
            for row in self._function_rows.get(name, ())
        )

    @functools.cached_property
    def _operator_rows(self) -> dict[str, list[Any]]:
        return _grouped(self._tables["operators"])

    def operators(self, name: str) -> tuple[BuiltinOperator, ...]:
        """Return the operators of a name."""
        return tuple(
            BuiltinOperator(row[0], row[1], row[2], row[3], row[4], _VOLATILITY[row[5]], row[6], row[7])
            for row in self._operator_rows.get(name, ())
        )

    @functools.cached_property
    def casts(self) -> dict[tuple[str, str], BuiltinCast]:
        """Casts by source and target."""
        return {
            (row[0], row[1]): BuiltinCast(row[0], row[1], row[2], row[3], _VOLATILITY.get(row[4]), row[5] or 0)
            for row in self._tables["casts"]
        }

    @functools.cached_property
    def operator_classes(self) -> tuple[BuiltinOperatorClass, ...]:
        """Operator classes, in order of access method and name."""
        return tuple(BuiltinOperatorClass(*row) for row in self._tables["operator_classes"])

    @functools.cached_property
    def family_operators(self) -> tuple[FamilyOperator, ...]:
        """The operators of operator families."""
        return tuple(FamilyOperator(*row) for row in self._tables["family_operators"])

    @functools.cached_property
    def access_methods(self) -> dict[str, AccessMethod]:
        """Access methods by name."""
        return {row[0]: AccessMethod(row[0], row[1], *map(bool, row[2:])) for row in self._tables["access_methods"]}

    @functools.cached_property
    def relations(self) -> dict[str, dict[str, str]]:
        """Tables and views in ``pg_catalog`` by name, with the types of their columns."""
        return {row[0]: dict(row[1]) for row in self._tables["relations"]}

    @functools.cached_property
    def collations(self) -> frozenset[str]:
        """Names of the collations that every server has; the operating system's are not among them."""
        return frozenset(row[0] for row in self._tables["collations"])

    @functools.cached_property
    def settings(self) -> dict[str, Setting]:
        """Configuration parameters by name in lower case."""
        return {row[0].lower(): Setting(*row) for row in self._tables["settings"]}


def builtins(version: int) -> Builtins:
    """Return the tables for a server's major version."""
    return _load(16 if version < 17 else 18)


@functools.cache
def _load(version: int) -> Builtins:
    groups = _read()
    return Builtins({table: [*rows, *groups[str(version)][table]] for table, rows in groups["all"].items()})


@functools.cache
def _read() -> dict[str, Any]:
    resource = importlib.resources.files("sluicegate.catalog").joinpath("data/builtins.json")
    found: dict[str, Any] = json.loads(resource.read_text())
    return found


def _grouped(rows: Iterable[Any]) -> dict[str, list[Any]]:
    groups: dict[str, list[Any]] = {}
    for row in rows:
        groups.setdefault(row[0], []).append(row)
    return groups


def _typed_row(row: list[Any]) -> BuiltinType:
    (name, kind, category, preferred, element, array, length, storage, collatable, modifiers, read, shown, subtype) = (
        row
    )
    return BuiltinType(
        name=name,
        kind=kind,
        category=category,
        preferred=preferred,
        element=element,
        array=array,
        length=length,
        storage=storage,
        collatable=collatable,
        has_modifiers=modifiers,
        input_volatility=_VOLATILITY[read],
        output_volatility=_VOLATILITY[shown],
        subtype=subtype,
    )

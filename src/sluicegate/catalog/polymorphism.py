"""Polymorphic pseudo-types: whether arguments fit together, and what comes out (``anyelement``, ``anyarray`` …)."""

from __future__ import annotations

from typing import TYPE_CHECKING

from sluicegate.catalog.casts import CastContext, find_cast
from sluicegate.catalog.model import SqlType
from sluicegate.catalog.type_facts import element_type, range_subtype, type_facts
from sluicegate.catalog.types import base_type, builtin_type, from_key, key_of

if TYPE_CHECKING:
    from collections.abc import Sequence

    from sluicegate.catalog.model import Catalog

SIMPLE = frozenset({"anyelement", "anyarray", "anynonarray", "anyenum", "anyrange", "anymultirange"})
COMPATIBLE = frozenset(
    {"anycompatible", "anycompatiblearray", "anycompatiblenonarray", "anycompatiblerange", "anycompatiblemultirange"}
)
POLYMORPHIC = SIMPLE | COMPATIBLE
UNKNOWN = builtin_type("unknown")
"""The type of a string literal before something gives it one."""


def consistent(declared: Sequence[str], actual: Sequence[SqlType], catalog: Catalog, version: int) -> bool:
    """Tell whether arguments fit a polymorphic signature (``check_generic_type_consistency``)."""
    if not POLYMORPHIC & set(declared):
        return True
    simple = elements(declared, actual, SIMPLE, catalog)
    if simple is None or len({key_of(found, catalog) for found in simple}) > 1:
        return False
    for word, found in zip(declared, actual, strict=False):
        if found == UNKNOWN:
            continue
        if word in {"anynonarray", "anycompatiblenonarray"} and base_type(found, catalog).array:
            return False
        if word == "anyenum" and type_facts(found, catalog).category != "E":
            return False
    compatible = elements(declared, actual, COMPATIBLE, catalog)
    if compatible is None:
        return False
    return not compatible or common_type(compatible, catalog, version) is not None


def elements(
    declared: Sequence[str], actual: Sequence[SqlType], family: frozenset[str], catalog: Catalog
) -> list[SqlType] | None:
    """Return the element types that the arguments of one family give; None when an argument is of the wrong kind."""
    found: list[SqlType] = []
    for word, argument in zip(declared, actual, strict=False):
        if word not in family or argument == UNKNOWN:
            continue
        inner: SqlType | None = SqlType(argument.name, array=argument.array)
        if word.endswith("array") and not word.endswith("nonarray"):
            inner = element_type(argument, catalog)
        elif word.endswith("range"):
            inner = range_subtype(base_type(argument, catalog), catalog)
            if inner is not None and word.endswith("multirange") != key_of(argument, catalog).endswith("multirange"):
                inner = None
        if inner is None:
            return None
        found.append(SqlType(inner.name, array=inner.array))
    return found


def result_type(
    returns: str, declared: Sequence[str], actual: Sequence[SqlType], catalog: Catalog, version: int
) -> SqlType | None:
    """Return what a function gives for these arguments; None when the arguments do not decide it."""
    if returns not in POLYMORPHIC:
        return from_key(returns, catalog)
    family = COMPATIBLE if returns in COMPATIBLE else SIMPLE
    found = elements(declared, actual, family, catalog) or []
    if returns.endswith("range"):
        for word, argument in zip(declared, actual, strict=False):
            if word in family and word.endswith("multirange") == returns.endswith("multirange"):
                return argument
        return None
    element = (common_type(found, catalog, version) if family is COMPATIBLE else None) or (found[0] if found else None)
    if element is None:
        element = builtin_type("text") if family is COMPATIBLE else None
    if element is None:
        return None
    if returns.endswith("array") and not returns.endswith("nonarray"):
        return None if element.array else SqlType(element.name, array=True)
    return element


def common_type(types: Sequence[SqlType], catalog: Catalog, version: int) -> SqlType | None:
    """Return the type that several expressions share (CASE, COALESCE, UNION, VALUES); None when there is none.

    Source: ``select_common_type`` in PostgreSQL's parse_coerce.c; literals of unknown type become text.
    """
    plain = [SqlType(found.name, array=found.array) for found in types]
    if plain and plain[0] != UNKNOWN and all(found == plain[0] for found in plain):
        return plain[0]
    chosen: SqlType | None = None
    for found in plain:
        base = base_type(found, catalog)
        candidate = SqlType(base.name, array=base.array)
        if candidate == UNKNOWN:
            continue
        if chosen is None:
            chosen = candidate
            continue
        if candidate == chosen:
            continue
        own, other = type_facts(chosen, catalog), type_facts(candidate, catalog)
        if own.category != other.category:
            return None
        if (
            not own.preferred
            and _implicit(chosen, candidate, catalog, version)
            and not _implicit(candidate, chosen, catalog, version)
        ):
            chosen = candidate
    return chosen if chosen is not None else builtin_type("text")


def _implicit(source: SqlType, target: SqlType, catalog: Catalog, version: int) -> bool:
    path = find_cast(source, target, catalog, version)
    return path is not None and path.context is CastContext.IMPLICIT

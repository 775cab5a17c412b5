"""How PostgreSQL gets from one type to another, and what that costs: the questions behind ALTER COLUMN TYPE."""

from __future__ import annotations

import enum
from dataclasses import dataclass
from typing import TYPE_CHECKING

from sluicegate.catalog.builtins import builtins
from sluicegate.catalog.model import SqlType, TypeKind, Volatility
from sluicegate.catalog.type_facts import type_facts
from sluicegate.catalog.types import base_type, key_of

if TYPE_CHECKING:
    from sluicegate.catalog.model import Catalog


class CastContext(enum.IntEnum):
    """The weakest context in which a cast is allowed: everywhere, on assignment (ALTER TYPE without USING), or only
    when written."""

    IMPLICIT = 0
    ASSIGNMENT = 1
    EXPLICIT = 2


class CastMethod(enum.StrEnum):
    """What a cast does with the value."""

    SAME = "same"
    BINARY = "binary"
    FUNCTION = "function"
    TEXT = "text"
    ARRAY = "array"


@dataclass(frozen=True, slots=True)
class CastPath:
    """A way from one type to another (``find_coercion_pathway`` in PostgreSQL's parse_coerce.c).

    Type modifiers are apart: see ``length_coercion``.

    Attributes:
        context: where it may be used.
        method: SAME (one type), BINARY (relabelled, no work), FUNCTION, TEXT (output then input function), ARRAY
            (each element goes through ``element``).
        volatility: of what is called; None when it is not known.
        to_domain: True when the target is a domain, whose constraints are then checked.
        element: for ARRAY, the elements' path.
    """

    context: CastContext
    method: CastMethod
    volatility: Volatility | None = Volatility.IMMUTABLE
    to_domain: bool = False
    element: CastPath | None = None


_ORDER = {None: 3, Volatility.VOLATILE: 2, Volatility.STABLE: 1, Volatility.IMMUTABLE: 0}
_CONTEXTS = {"i": CastContext.IMPLICIT, "a": CastContext.ASSIGNMENT, "e": CastContext.EXPLICIT}


def worst(*volatilities: Volatility | None) -> Volatility | None:
    """Return the most volatile of several; one that is VOLATILE decides, then one that is not known (None)."""
    if Volatility.VOLATILE in volatilities:
        return Volatility.VOLATILE
    return max(volatilities, key=_ORDER.__getitem__, default=Volatility.IMMUTABLE)


def find_cast(source: SqlType, target: SqlType, catalog: Catalog, version: int) -> CastPath | None:
    """Return the way from one type to another, in whatever context, or None when there is none.

    Modifiers play no part here. A domain is cast like its base type; casting to one checks its constraints.
    """
    if source.name == target.name and source.array == target.array:
        return CastPath(CastContext.IMPLICIT, CastMethod.SAME)
    to_domain = base_type(target, catalog) is not target
    # Compare what lies below domains: a domain has no casts of its own (unless someone creates one).
    below, above = base_type(source, catalog), base_type(target, catalog)
    path = _find(below, above, catalog, version)
    if path is None or not to_domain:
        return path
    return CastPath(path.context, path.method, path.volatility, to_domain=True, element=path.element)


def _find(source: SqlType, target: SqlType, catalog: Catalog, version: int) -> CastPath | None:
    if source.name == target.name and source.array == target.array:
        # Out of or into a domain over this very type.
        return CastPath(CastContext.IMPLICIT, CastMethod.BINARY)
    one, other = key_of(source, catalog), key_of(target, catalog)
    cast = builtins(version).casts.get((one, other))
    if cast is not None:
        method = {"f": CastMethod.FUNCTION, "b": CastMethod.BINARY, "i": CastMethod.TEXT}[cast.method]
        volatility = cast.volatility or Volatility.IMMUTABLE
        if method is CastMethod.TEXT:
            volatility = _through_text(source, target, catalog) or Volatility.IMMUTABLE
        return CastPath(_CONTEXTS[cast.context], method, volatility)
    if source.array and target.array:
        element = find_cast(SqlType(source.name), SqlType(target.name), catalog, version)
        if element is not None:
            return CastPath(element.context, CastMethod.ARRAY, element.volatility, element=element)
    return _special(source, target, catalog) or _text_path(source, target, catalog)


def _special(source: SqlType, target: SqlType, catalog: Catalog) -> CastPath | None:
    one, other = key_of(source, catalog), key_of(target, catalog)
    if other in {"any", "unknown"}:
        return CastPath(CastContext.IMPLICIT, CastMethod.BINARY)
    if _is_composite(source, catalog) and other == "record":
        return CastPath(CastContext.IMPLICIT, CastMethod.BINARY)
    if one == "record" and _is_composite(target, catalog):
        return CastPath(CastContext.IMPLICIT, CastMethod.FUNCTION)
    return None


def _is_composite(sql_type: SqlType, catalog: Catalog) -> bool:
    if sql_type.array:
        return False
    user_type = catalog.types.get(sql_type.name)
    return sql_type.name in catalog.relations or (user_type is not None and user_type.kind is TypeKind.COMPOSITE)


def _text_path(source: SqlType, target: SqlType, catalog: Catalog) -> CastPath | None:
    one, other = type_facts(source, catalog), type_facts(target, catalog)
    if other.category == "S" and not other.pseudo:
        return CastPath(CastContext.ASSIGNMENT, CastMethod.TEXT, _through_text(source, target, catalog))
    if one.category == "S" and not one.pseudo:
        return CastPath(CastContext.EXPLICIT, CastMethod.TEXT, _through_text(source, target, catalog))
    return None


def _through_text(source: SqlType, target: SqlType, catalog: Catalog) -> Volatility | None:
    return worst(type_facts(source, catalog).output_volatility, type_facts(target, catalog).input_volatility)


def is_binary_coercible(source: SqlType, target: SqlType, catalog: Catalog, version: int) -> bool:
    """Tell whether a value of one type is one of the other without any work.

    This is ``IsBinaryCoercible`` in parse_coerce.c, which operator classes and foreign keys ask: the way must be
    implicit, a domain may become its base type but not the other way round.
    """
    if source.name == target.name and source.array == target.array:
        return True
    word = key_of(target, catalog)
    if word in {"any", "anyelement", "anycompatible"}:
        return True
    source = base_type(source, catalog)
    if source.name == target.name and source.array == target.array:
        return True
    facts = type_facts(source, catalog)
    if word in {"anyarray", "anycompatiblearray"}:
        return source.array
    if word == "anyenum":
        return facts.category == "E"
    if word in {"anyrange", "anycompatiblerange"}:
        return facts.category == "R" and not key_of(source, catalog).endswith("multirange")
    if word in {"anymultirange", "anycompatiblemultirange"}:
        return facts.category == "R" and key_of(source, catalog).endswith("multirange")
    if word == "record":
        return _is_composite(source, catalog)
    cast = builtins(version).casts.get((key_of(source, catalog), word))
    return cast is not None and cast.method == "b" and cast.context == "i"


def length_coercion(sql_type: SqlType, catalog: Catalog, version: int) -> Volatility | None:
    """Return the volatility of the function that applies a type's modifier, or None when the type has none.

    A type has one when ``pg_cast`` holds a cast from the type to itself (``varchar``, ``numeric``, ``vector`` …). For
    an array it is applied to each element.
    """
    inner = base_type(SqlType(sql_type.name), catalog)
    word = key_of(SqlType(inner.name), catalog)
    cast = builtins(version).casts.get((word, word))
    return cast.volatility if cast is not None else None

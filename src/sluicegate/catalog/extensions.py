"""What an extension brings into the catalog, where that is known."""

from __future__ import annotations

from typing import TYPE_CHECKING

from sluicegate.catalog.builtins import VECTOR
from sluicegate.catalog.model import Name, TypeKind, UserType

if TYPE_CHECKING:
    from sluicegate.catalog.model import Catalog

KNOWN = frozenset({VECTOR, "plpgsql"})
"""Extensions whose every object is known (pgvector's from ``catalog.builtins``); plpgsql adds nothing that is named."""

VECTOR_TYPES = ("vector", "halfvec", "sparsevec")

DEFAULT_VECTOR_VERSION = "0.8.5"
"""The version that the shipped tables describe, assumed where a statement names none."""


def types_of(extension: str, schema: str) -> tuple[UserType, ...]:
    """Return the types an extension creates in its schema; none for one that is not known."""
    if extension != VECTOR:
        return ()
    return tuple(UserType(Name(schema, name), TypeKind.BASE, extension=VECTOR) for name in VECTOR_TYPES)


def vector_schema(catalog: Catalog) -> str | None:
    """Return the schema of pgvector's objects, or None where it is certain that there are none.

    A catalog that is not complete may have it installed without saying so; ``public`` is assumed.
    """
    extension = catalog.extensions.get(VECTOR)
    if extension is not None:
        return extension.schema
    return None if catalog.complete else "public"


def only_known(catalog: Catalog) -> bool:
    """Tell whether every function, type and operator of the database is known, so that an absent one is an error."""
    return catalog.complete and KNOWN.issuperset(catalog.extensions)

"""What an extension brings into the catalog, where that is known."""

from __future__ import annotations

from sluicegate.catalog.builtins import VECTOR
from sluicegate.catalog.model import Name, TypeKind, UserType

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

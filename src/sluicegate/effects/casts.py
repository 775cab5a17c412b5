"""Casts as the families of statements ask for them; the answers are computed next to the catalog."""

from __future__ import annotations

from sluicegate.catalog.casts import (
    CastContext,
    CastMethod,
    CastPath,
    find_cast,
    is_binary_coercible,
    length_coercion,
    worst,
)

__all__ = ["CastContext", "CastMethod", "CastPath", "find_cast", "is_binary_coercible", "length_coercion", "worst"]

"""Texts of pgvector's types: how many dimensions they have, and what the types' input functions refuse."""

from __future__ import annotations

import re
from decimal import Decimal
from typing import TYPE_CHECKING

from sluicegate.catalog.expressions.meaning import Invalid

if TYPE_CHECKING:
    from sluicegate.catalog.model import SqlType

NUMBER = re.compile(r"[+-]?(\d+(_\d+)*\.?(\d+(_\d+)*)?|\.\d+(_\d+)*)([eE][+-]?\d+)?")
"""A number as ``numeric`` takes it."""

FLOAT4_LIMIT = Decimal("3.40282356779733661637539395458142568448e38")
"""Where ``real`` ends: halfway from FLT_MAX to what would follow."""

_HALF_LIMIT = Decimal(65520)  # halfway from 65504, the largest half, to what would follow
_VECTOR_LIMIT = 16_000
_SPARSE_LIMIT = 1_000_000_000


def vector_dimensions(text: str, target: SqlType) -> int:
    """Read a vector's text form (pgvector 0.8.5, vector_in, halfvec_in, sparsevec_in) and return its dimensions."""
    name = target.name.name
    refused = Invalid("22P02", f'invalid input syntax for type {name}: "{text}"')
    stripped = text.strip(" \t\n\r\v\f")
    if name == "sparsevec":
        return _sparse(stripped, refused)
    if not (stripped.startswith("[") and stripped.endswith("]")):
        raise refused
    parts = stripped[1:-1].split(",")
    if parts == [""]:
        raise Invalid("22000", f"{name} must have at least 1 dimension")
    if len(parts) > _VECTOR_LIMIT:
        raise Invalid("54000", f"{name} cannot have more than {_VECTOR_LIMIT} dimensions")
    for part in parts:
        _check_number(part.strip(), name, refused)
    return len(parts)


def _sparse(text: str, refused: Invalid) -> int:
    found = re.fullmatch(r"\{(.*)\}\s*/\s*(-?\d+)", text, re.DOTALL)
    if found is None:
        raise refused
    dimensions = int(found[2])
    if dimensions < 1:
        raise Invalid("22000", "sparsevec must have at least 1 dimension")
    if dimensions > _SPARSE_LIMIT:
        raise Invalid("54000", f"sparsevec cannot have more than {_SPARSE_LIMIT} dimensions")
    indices = []
    for part in found[1].split(",") if found[1].strip() else []:
        index, colon, value = (piece.strip() for piece in part.partition(":"))
        if not colon or not re.fullmatch(r"[+-]?\d+", index):
            raise refused
        _check_number(value, "sparsevec", refused)
        if Decimal(value.replace("_", "")):
            indices.append(int(index))
        elif not 1 <= int(index) <= dimensions:
            raise Invalid("22000", "sparsevec index out of bounds")
    if any(not 1 <= index <= dimensions for index in indices):
        raise Invalid("22000", "sparsevec index out of bounds")
    if len(set(indices)) < len(indices):
        raise Invalid("22000", "sparsevec indices must not contain duplicates")
    return dimensions


def _check_number(text: str, name: str, refused: Invalid) -> None:
    if text.lower().lstrip("+-") in {"nan", "inf", "infinity"}:
        raise Invalid("22000", f"{'NaN' if 'nan' in text.lower() else 'infinite value'} not allowed in {name}")
    if not NUMBER.fullmatch(text):
        raise refused
    _check_element(text, name)


def _check_element(text: str, name: str) -> None:
    limit = _HALF_LIMIT if name == "halfvec" else FLOAT4_LIMIT
    if abs(Decimal(text.replace("_", ""))) >= limit:
        raise Invalid("22003", f'"{text}" is out of range for type {name}')

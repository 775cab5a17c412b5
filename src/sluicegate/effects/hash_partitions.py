"""Which hash partition a key belongs to: PostgreSQL's own hash, so that a constant key can be followed.

Source: ``hash_bytes_uint32_extended`` and ``hash_bytes_extended`` in PostgreSQL's common/hashfn.c (Bob Jenkins's
lookup3), ``compute_partition_hash_value`` in partitioning/partbounds.c; the same in every version since 11.
"""

from __future__ import annotations

from decimal import Decimal
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterable

_MASK = 0xFFFFFFFF
_SEED = 0x7A5B22367996DCFD  # HASH_PARTITION_SEED


def partition_hash(keys: Iterable[tuple[str, Any]]) -> int | None:
    """Return the hash of a partition key, or None when a type's hash is not known here.

    Args:
        keys: for each column of the key its type in ``pg_type``'s words, and its value (None for NULL).
    """
    total = 0
    for name, value in keys:
        if value is None:
            continue
        own = _hash(name, value)
        if own is None:
            return None
        total ^= (own + 0x49A0F4DD15E5A8E3 + (total << 54) + (total >> 7)) & 0xFFFFFFFFFFFFFFFF
        total &= 0xFFFFFFFFFFFFFFFF
    return total


def _hash(name: str, value: Any) -> int | None:
    if name in {"int2", "int4"} and isinstance(value, Decimal):
        return _uint32(int(value) & _MASK)
    if name == "int8" and isinstance(value, Decimal):
        number = int(value)
        low, high = number & _MASK, (number >> 32) & _MASK
        return _uint32(low ^ (high if number >= 0 else ~high & _MASK))
    if name in {"text", "varchar"} and isinstance(value, str):
        return _bytes(value.encode())
    if name == "uuid" and isinstance(value, int):
        return _bytes(value.to_bytes(16, "big"))
    return None


def _rotate(value: int, bits: int) -> int:
    return ((value << bits) | (value >> (32 - bits))) & _MASK


def _mix(a: int, b: int, c: int) -> tuple[int, int, int]:
    for bits_a, bits_b, bits_c in ((4, 6, 8), (16, 19, 4)):
        a = ((a - c) & _MASK) ^ _rotate(c, bits_a)
        c = (c + b) & _MASK
        b = ((b - a) & _MASK) ^ _rotate(a, bits_b)
        a = (a + c) & _MASK
        c = ((c - b) & _MASK) ^ _rotate(b, bits_c)
        b = (b + a) & _MASK
    return a, b, c


def _final(a: int, b: int, c: int) -> tuple[int, int, int]:
    c = ((c ^ b) - _rotate(b, 14)) & _MASK
    a = ((a ^ c) - _rotate(c, 11)) & _MASK
    b = ((b ^ a) - _rotate(a, 25)) & _MASK
    c = ((c ^ b) - _rotate(b, 16)) & _MASK
    a = ((a ^ c) - _rotate(c, 4)) & _MASK
    b = ((b ^ a) - _rotate(a, 14)) & _MASK
    c = ((c ^ b) - _rotate(b, 24)) & _MASK
    return a, b, c


def _start(length: int) -> tuple[int, int, int]:
    first = (0x9E3779B9 + length + 3923095) & _MASK
    return _mix((first + (_SEED >> 32)) & _MASK, (first + (_SEED & _MASK)) & _MASK, first)


def _uint32(value: int) -> int:
    a, b, c = _start(4)
    _, b, c = _final((a + value) & _MASK, b, c)
    return (b << 32) | c


def _bytes(data: bytes) -> int:
    a, b, c = _start(len(data))
    rest = data
    while len(rest) >= 12:
        a = (a + int.from_bytes(rest[:4], "little")) & _MASK
        b = (b + int.from_bytes(rest[4:8], "little")) & _MASK
        c = (c + int.from_bytes(rest[8:12], "little")) & _MASK
        a, b, c = _mix(a, b, c)
        rest = rest[12:]
    # The lowest byte of c is reserved for the length.
    a = (a + int.from_bytes(rest[:4], "little")) & _MASK
    b = (b + int.from_bytes(rest[4:8], "little")) & _MASK
    c = (c + (int.from_bytes(rest[8:], "little") << 8)) & _MASK
    _, b, c = _final(a, b, c)
    return (b << 32) | c

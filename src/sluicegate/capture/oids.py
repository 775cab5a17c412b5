"""Numbers that stand for objects, as ``oid`` columns and ``regclass`` values show them."""

from __future__ import annotations

import hashlib
from typing import Self


class Oid(int):
    """An object's number; as text it is the object's name, like a ``regclass``."""

    shown: str

    def __new__(cls, number: int, shown: str) -> Self:
        """Make the number for an object."""
        made = super().__new__(cls, number)
        made.shown = shown
        return made

    def __str__(self) -> str:
        return self.shown


class Int2Vector(list[int]):
    """The array type of ``pg_index.indkey``, whose first element has the subscript 0."""


def oid_of(kind: str, name: object) -> Oid:
    """Return the number for an object: the same for the same object, another for others, above 16,384 as real ones."""
    digest = hashlib.blake2b(f"{kind}:{name!r}".encode(), digest_size=4).digest()
    shown = getattr(name, "name", name)
    return Oid(16_384 + int.from_bytes(digest) % 2_000_000_000, str(shown))


class RegName(Oid):
    """An object's number that drivers give out as its name: ``regclass``, ``regtype`` and their kin."""


def reg_name(kind: str, name: object) -> RegName:
    """Return an object as a ``regclass`` or one of its kin."""
    oid = oid_of(kind, name)
    return RegName(int(oid), oid.shown)

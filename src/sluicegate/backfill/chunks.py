"""The arithmetic of chunks: half-open key ranges, how they follow each other, split, and how far they reach."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from sluicegate.backfill.states import ChunkState

Bound = tuple[str, ...]
"""A key as the server writes it, one text for each column; read back with a cast, so no precision is lost."""


@dataclass(frozen=True, slots=True)
class Range:
    """The keys in (lo, hi]; None leaves that side open."""

    lo: Bound | None
    hi: Bound | None


class Span(Range):
    """The keys in [lo, hi], both given: where claimed keys lie."""

    __slots__ = ()


@dataclass(frozen=True, slots=True)
class Place:
    """Where a chunk stands among the others.

    Attributes:
        seq: its number in the order of the key, from 1.
        part: empty for a whole chunk; each split appends ``0`` for the lower half and ``1`` for the upper one, so that
            texts compared byte by byte stand in the order of the key.
    """

    seq: int
    part: str = ""

    def halves(self) -> tuple[Place, Place]:
        """Return the places of the two halves."""
        return Place(self.seq, self.part + "0"), Place(self.seq, self.part + "1")

    @property
    def share(self) -> float:
        """How much of a whole chunk it is, from 0 to 1: each split halves it."""
        return 0.5 ** len(self.part)

    def __lt__(self, other: Place) -> bool:
        return (self.seq, self.part) < (other.seq, other.part)


def consecutive(frontier: Bound | None, bounds: Sequence[Bound], upper: Bound, *, last: bool) -> tuple[Range, ...]:
    """Return the ranges that follow the frontier, without gap or overlap.

    Args:
        frontier: the highest key planned so far; None before the first chunk.
        bounds: the keys found ahead, in order, each the end of a full chunk.
        upper: the highest key of this run.
        last: whether fewer keys than a full chunk follow the last bound, so that the rest is one final chunk.
    """
    ends = list(bounds)
    if last and (not ends or ends[-1] != upper) and frontier != upper:
        ends.append(upper)
    starts: list[Bound | None] = [frontier, *ends[:-1]] if ends else []
    return tuple(Range(lo, hi) for lo, hi in zip(starts, ends, strict=True))


def contiguous(chunks: Iterable[tuple[Place, Range, ChunkState]]) -> Bound | None:
    """Return the mark: the end of the last chunk before which, itself included, every chunk is finished."""
    mark = None
    for _place, keys, state in sorted(chunks, key=lambda chunk: (chunk[0].seq, chunk[0].part)):
        if not state.finished:
            break
        mark = keys.hi
    return mark


def half(keys: int) -> int:
    """Return how many keys go into the lower half when a chunk of so many is split."""
    return keys // 2

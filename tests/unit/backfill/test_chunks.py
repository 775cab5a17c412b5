"""Ranges follow each other without gap or overlap, whatever the keys, the size and the splits."""

from __future__ import annotations

import itertools

from hypothesis import given
from hypothesis import strategies as st

from sluicegate.backfill.chunks import Place, Range, consecutive, contiguous, half
from sluicegate.backfill.states import ChunkState

KEYS = st.lists(st.integers(0, 500), unique=True, min_size=1).map(sorted)


def found_ahead(keys: list[int], lo: int | None, size: int, window: int) -> list[tuple[str, ...]]:
    """What the server's walk returns: each size-th key after lo."""
    rest = [key for key in keys if lo is None or key > lo]
    return [(str(key),) for key in rest[size - 1 :: size][:window]]


@given(keys=KEYS, size=st.integers(1, 50), window=st.integers(1, 8))
def test_every_key_lies_in_exactly_one_range_and_none_holds_more_than_a_chunk(
    keys: list[int], size: int, window: int
) -> None:
    upper = (str(keys[-1]),)
    planned: list[Range] = []
    frontier = None
    while True:
        ends = found_ahead(keys, int(frontier[0]) if frontier else None, size, window)
        last = len(ends) < window
        planned += consecutive(frontier, ends, upper, last=last)
        frontier = planned[-1].hi if planned else None
        if last:
            break
    held = [
        [key for key in keys if (keys_.lo is None or key > int(keys_.lo[0])) and key <= int(keys_.hi[0])]
        for keys_ in planned
    ]
    assert [key for chunk in held for key in chunk] == keys
    assert all(0 < len(chunk) <= size for chunk in held)
    assert all(one.hi == other.lo for one, other in itertools.pairwise(planned))


def test_nothing_is_planned_behind_the_upper_bound() -> None:
    assert consecutive(("9",), [], ("9",), last=True) == ()


@given(st.lists(st.sampled_from(["lower", "upper"]), max_size=10))
def test_halves_stand_in_the_order_of_the_key_between_their_neighbours(path: list[str]) -> None:
    place, neighbours = Place(5), []
    for step in path:
        lower, upper = place.halves()
        assert lower < upper
        assert all((one < lower) == (one < place) for one in neighbours)
        place, other = (lower, upper) if step == "lower" else (upper, lower)
        neighbours.append(other)
    ordered = sorted([*neighbours, place, Place(4), Place(6)], key=lambda one: (one.seq, one.part))
    assert (ordered[0], ordered[-1]) == (Place(4), Place(6))


@given(st.lists(st.sampled_from(list(ChunkState)), max_size=20))
def test_the_mark_never_passes_an_unfinished_chunk(states: list[ChunkState]) -> None:
    chunks = [(Place(n), Range((str(n - 1),), (str(n),)), state) for n, state in enumerate(states, 1)]
    mark = contiguous(reversed(chunks))
    passed = int(mark[0]) if mark else 0
    assert all(state.finished for state in states[:passed])
    assert passed == len(states) or not states[passed].finished


@given(st.integers(2, 100_000))
def test_halving_ends_at_single_keys(keys: int) -> None:
    assert 1 <= half(keys) < keys

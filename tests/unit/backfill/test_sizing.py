"""The size of chunks follows a target time: smoothly, within limits, and back again."""

from __future__ import annotations

import itertools

from hypothesis import given
from hypothesis import strategies as st

from sluicegate.backfill.sizing import GROWTH, LARGEST, SMALLEST, Sizer


def follow(sizer: Sizer, rate: float, chunks: int) -> list[int]:
    """Run chunks at so many keys a second; return the sizes."""
    sizes = []
    for _ in range(chunks):
        sizer.took(sizer.size, sizer.size / rate)
        sizes.append(sizer.size)
    return sizes


def test_the_size_settles_where_a_chunk_takes_the_target_time() -> None:
    sizer = Sizer(1_000, 0.5)
    assert follow(sizer, 20_000, 8) == [2_000, 4_000, 8_000, 10_000, 10_000, 10_000, 10_000, 10_000]


def test_a_server_that_slows_down_gets_smaller_chunks_and_its_size_back_later() -> None:
    sizer = Sizer(10_000, 0.5)
    follow(sizer, 20_000, 10)
    slow = follow(sizer, 2_000, 30)
    assert all(later <= earlier for earlier, later in itertools.pairwise(slow))
    assert 1_000 <= slow[-1] <= 1_010
    assert 9_990 <= follow(sizer, 20_000, 60)[-1] <= 10_000


@given(
    st.integers(1, LARGEST),
    st.floats(0.01, 3_600),
    st.lists(st.tuples(st.integers(0, LARGEST), st.floats(0, 10_000)), max_size=50),
)
def test_no_size_leaves_the_limits_or_jumps(size: int, target: float, chunks: list[tuple[int, float]]) -> None:
    sizer = Sizer(size, target)
    for keys, seconds in chunks:
        before = sizer.size
        sizer.took(keys, seconds)
        assert 1 <= sizer.size <= LARGEST
        assert sizer.size <= max(before * GROWTH, SMALLEST)

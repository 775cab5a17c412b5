"""Failures are told apart by their SQLSTATE, and waits double, spread and end."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sluicegate.backfill.retry import Backoff, Failure, classify


@pytest.mark.parametrize(
    ("sqlstate", "failure"),
    [
        ("40001", Failure.TRANSIENT),
        ("40P01", Failure.TRANSIENT),
        ("55P03", Failure.TRANSIENT),
        ("57014", Failure.TOO_MUCH),
        ("25P04", Failure.TOO_MUCH),
        ("22012", Failure.BAD_ROW),
        ("22P02", Failure.BAD_ROW),
        ("23505", Failure.BAD_ROW),
        ("23514", Failure.BAD_ROW),
        ("P0001", Failure.BAD_ROW),
        (None, Failure.LOST),
        ("08006", Failure.LOST),
        ("57P01", Failure.LOST),
        ("57P03", Failure.LOST),
        ("25P03", Failure.LOST),
        ("42P01", Failure.FATAL),
        ("42501", Failure.FATAL),
        ("53100", Failure.FATAL),
        ("XX001", Failure.FATAL),
    ],
)
def test_a_sqlstate_says_whether_another_try_helps(sqlstate: str | None, failure: Failure) -> None:
    assert classify(sqlstate) is failure


@given(attempt=st.integers(1, 7), spread=st.floats(0, 0.999))
def test_a_wait_lies_between_half_and_the_whole_of_its_doubling_ceiling(attempt: int, spread: float) -> None:
    wait = Backoff(first=0.1, longest=3, attempts=8).wait(attempt, lambda: spread)
    ceiling = min(3, 0.1 * 2 ** (attempt - 1))
    assert wait is not None
    assert ceiling / 2 <= wait <= ceiling


def test_after_the_last_attempt_there_is_no_wait() -> None:
    assert Backoff(attempts=3).wait(3, lambda: 0.0) is None

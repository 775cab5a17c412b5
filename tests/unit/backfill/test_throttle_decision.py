"""The throttle holds at once, goes on only when calm, and never takes silence for calm."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sluicegate.backfill.throttle import readings
from sluicegate.backfill.throttle.decision import Decision, ReplayClock
from sluicegate.backfill.throttle.model import Figure, Reading, Signal, Unit, Verdict, written
from sluicegate.settings.throttle import Limits


def waiting(value: float | None, limit: float = 10.0) -> Reading:
    """A reading of one figure."""
    return Reading(Signal.WAITERS, (Figure("the wait is", value, limit, Unit.SECONDS),))


def decision(**changes: Any) -> Decision:
    """A decision that settles in three seconds and resumes at 80 %."""
    return Decision(**{"settle": 3.0, "resume_at": 0.8, "patience": 10.0, **changes})


def test_it_holds_at_once_and_goes_on_after_it_was_calm_for_long_enough() -> None:
    throttle = decision()
    assert throttle.update([waiting(10.0)], 0.0) is None
    hold = throttle.update([waiting(10.1)], 1.0)
    assert hold is not None
    assert (str(hold), hold.since) == ("the wait is 10.1 s (limit 10.0 s)", 1.0)
    assert throttle.update([waiting(9.0)], 2.0) is not None  # below the limit, not below 80 % of it
    assert throttle.update([waiting(8.0)], 3.0) is not None  # calm from here on
    assert throttle.update([waiting(7.0)], 5.9) is not None
    assert throttle.update([waiting(7.0)], 6.0) is None
    assert throttle.update([waiting(9.9)], 7.0) is None  # a new hold needs the whole limit again


def test_a_relapse_while_it_settles_begins_the_settling_anew() -> None:
    throttle = decision()
    throttle.update([waiting(11.0)], 0.0)
    throttle.update([waiting(1.0)], 1.0)
    throttle.update([waiting(8.1)], 3.0)
    assert throttle.update([waiting(1.0)], 4.0) is not None
    assert throttle.update([waiting(1.0)], 6.9) is not None
    assert throttle.update([waiting(1.0)], 7.0) is None


@pytest.mark.parametrize(
    "reading",
    [
        waiting(None),
        Reading(Signal.WAITERS, error="permission denied (SQLSTATE 42501)."),
        Reading(Signal.SERVER, error="the connection is lost."),
    ],
)
def test_what_cannot_be_told_holds(reading: Reading) -> None:
    assert reading.verdict() is Verdict.UNKNOWN
    hold = decision().update([waiting(0.0), reading], 0.0)
    assert hold is not None
    assert "cannot be told" in str(hold)


def test_what_does_not_apply_holds_nothing() -> None:
    assert decision().update([Reading(Signal.ARCHIVE, absent="archive_mode is off")], 0.0) is None


def test_old_answers_count_as_none() -> None:
    throttle = decision()
    throttle.update([waiting(0.0)], 100.0)
    assert throttle.at(110.0) is None
    assert str(throttle.at(111.0)) == "the signals have not been asked for 11 s"


@given(st.lists(st.tuples(st.floats(0.01, 5), st.floats(0, 20) | st.none()), min_size=1, max_size=60))
def test_it_never_goes_on_within_the_settling_time_of_a_strained_reading(
    steps: list[tuple[float, float | None]],
) -> None:
    throttle, now, strained = decision(), 0.0, None
    held = False
    for wait, value in steps:
        now += wait
        hold = throttle.update([waiting(value)], now)
        if value is None or value > (8.0 if held else 10.0):
            strained = now
            assert hold is not None
        elif hold is None and strained is not None and held:
            assert now - strained >= 3.0
        held = hold is not None


def test_lag_is_told_from_positions_where_the_server_says_nothing() -> None:
    clock = ReplayClock()
    for second in range(10):
        clock.note(1_000 * second, float(second))
    assert clock.lag(9_000, 9.0) == 0.0
    assert clock.lag(8_999, 9.0) == 0.0
    assert clock.lag(3_500, 9.0) == 5.0  # 4,000 was written in second 4
    clock.note(9_000, 60.0)
    assert clock.lag(3_500, 60.0) == 56.0
    clock.note(5, 61.0)  # a promotion elsewhere
    assert clock.lag(3, 62.0) == 1.0


@given(st.lists(st.integers(0, 1000), min_size=1, max_size=300), st.integers(0, 300_000))
def test_the_lag_is_never_longer_than_the_time_that_was_watched(steps: list[int], replayed: int) -> None:
    clock, position = ReplayClock(), 0
    for second, step in enumerate(steps):
        position += step
        clock.note(position, float(second))
    lag = clock.lag(replayed, float(len(steps)))
    assert 0.0 <= lag <= len(steps)
    assert (lag > 0) == (replayed < position)


def test_a_replica_that_tells_nothing_is_unknown_and_one_that_has_caught_up_is_not_behind() -> None:
    row = SimpleNamespace(pid=7, name="r1", state=None, written=100, replayed=None, seconds=None)
    assert readings.replicas([row], Limits(), ReplayClock(), 0.0).verdict() is Verdict.UNKNOWN
    row = SimpleNamespace(pid=7, name="r1", state="streaming", written=100, replayed=100, seconds=99.0)
    assert readings.replicas([row], Limits(), ReplayClock(), 0.0).verdict() is Verdict.FINE
    assert readings.replicas([], Limits(), ReplayClock(), 0.0).verdict() is Verdict.ABSENT


@pytest.mark.parametrize(
    ("query", "shown"),
    [
        ("ALTER ROLE app PASSWORD 'it''s secret'", "ALTER ROLE app PASSWORD '…'"),
        ("SELECT $x$ secret $x$,\n  2", "SELECT '…', 2"),
        ("INSERT INTO t VALUES ('cut off by the ser", "INSERT INTO t VALUES ('…'"),
        (None, ""),
    ],
)
def test_literals_of_other_sessions_are_not_repeated(query: str | None, shown: str) -> None:
    row = SimpleNamespace(
        holder="session", pid=1, name="", role="app", state="active", xids=1, seconds=1_000.0, query=query
    )
    reading = readings.xmin([row], Limits())
    assert reading.reason() == f"session 1 of app has held back vacuum for 1,000 s (limit 900 s); active: {shown}"


def test_an_autovacuum_against_wraparound_holds_with_its_pid() -> None:
    row = SimpleNamespace(name="events", xids=10, multixacts=1, pid=4711, phase="scanning heap", seconds=125.0)
    reading = readings.wraparound([row], Limits())
    assert reading.reason() == (
        "autovacuum (pid 4711) has worked on events to prevent wraparound for 125 s; phase: scanning heap"
    )


def test_a_slot_that_is_about_to_lose_wal_holds_however_little_it_keeps() -> None:
    row = SimpleNamespace(name="r2", type="physical", active=True, status="unreserved", bytes=1)
    reading = readings.slots([row], Limits())
    assert reading.reason() == "slot r2 is about to lose WAL that it needs (wal_status unreserved); in use"


@pytest.mark.parametrize(
    ("value", "unit", "text"),
    [
        (None, Unit.BYTES, "is not known"),
        (900, Unit.BYTES, "900 bytes"),
        (268_435_456, Unit.BYTES, "256 MB"),
        (1_610_612_736, Unit.BYTES, "1.5 GB"),
        (0.25, Unit.SECONDS, "0.2 s"),
        (3_600, Unit.SECONDS, "3,600 s"),
        (10_000_000, Unit.COUNT, "10,000,000"),
    ],
)
def test_figures_are_written_for_people(value: float | None, unit: Unit, text: str) -> None:
    assert written(value, unit) == text

"""A run waits while real servers and sessions need the room, says why, and goes on by itself."""

from __future__ import annotations

import contextlib
import threading
import time
from collections.abc import Iterator
from typing import Any

import psycopg
import pytest
from backfill_target import Target

from sluicegate.backfill import engine
from sluicegate.backfill.engine import Outcome, Pace
from sluicegate.backfill.states import RunState
from sluicegate.backfill.throttle.gate import HeldTooLongError
from sluicegate.backfill.throttle.model import Verdict
from sluicegate.backfill.throttle.questions import Questions, ThrottleError
from sluicegate.pg.connect import connect
from sluicegate.settings.throttle import Limits

UPDATE = {
    "table": "public.events",
    "where": "true",
    "done": "row.payload = 'done'",
    "apply": "UPDATE events AS e SET payload = 'done' FROM {chunk} AS row WHERE e.id = row.id",
}


def limits(**changes: Any) -> Limits:
    """Limits that are asked often and settle at once."""
    return Limits(**{"interval": 0.1, "settle": 0.0, **changes})


def throttled(target: Target, given: Limits, *, size: int = 100, pause: float = 0.0, **changes: Any) -> Outcome:
    """Run the backfill under a throttle."""
    loaded = changes.pop("loaded", None) or target.loaded()
    return engine.run(loaded, target.url, Pace(size, pause, 30), target.around(**changes), limits=given)


class Background:
    """A throttled run in a thread, to be looked at from outside."""

    def __init__(self, target: Target, given: Limits, **changes: Any) -> None:
        self._target = target
        self.outcome: Outcome | None = None
        self.error: BaseException | None = None
        self._thread = threading.Thread(target=self._run, args=(given, changes))

    def _run(self, given: Limits, changes: dict[str, Any]) -> None:
        try:
            self.outcome = throttled(self._target, given, **changes)
        except BaseException as error:
            self.error = error

    def __enter__(self) -> Background:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._thread.join(timeout=60)
        assert not self._thread.is_alive()
        if self.error is not None:
            raise self.error

    def held_by(self, words: str) -> None:
        """Wait until the database says that the run is held for a reason with these words."""
        deadline = time.monotonic() + 20
        while not any(
            words in reason
            for (reason,) in self._target.sql("SELECT held_reason FROM sluicegate.lease WHERE held_reason IS NOT NULL")
        ):
            assert self._thread.is_alive(), self.error or self.outcome
            assert time.monotonic() < deadline, self._target.log.notes
            time.sleep(0.02)


def fill(target: Target, rows: int = 300) -> None:
    """Add rows that are owed work."""
    target.sql("INSERT INTO events (payload) SELECT 'x' FROM generate_series(1, %s)", rows)
    target.sql("ANALYZE events")


@contextlib.contextmanager
def session(target: Target, **options: Any) -> Iterator[psycopg.Connection[Any]]:
    """Another session of the application."""
    with psycopg.connect(target.url, autocommit=True, application_name="report", **options) as connection:
        yield connection


def reading(target: Target, signal: str, **changes: Any) -> Any:
    """Ask one signal as a run would."""
    questions = Questions("0003_status", changes.pop("loaded", None) or target.loaded(), Limits(**changes))
    with connect(target.url) as connection:
        [found] = [one for one in questions.ask(connection, 0.0) if one.signal == signal]
    return found


def test_a_calm_server_holds_nothing(target_both: Target) -> None:
    fill(target_both)
    assert throttled(target_both, limits()).state is RunState.FINISHED
    assert target_both.missing() == 0
    assert target_both.log.notes == []


def test_a_long_transaction_holds_the_run_until_it_ends(target_both: Target) -> None:
    fill(target_both)
    with session(target_both) as other:
        other.execute("BEGIN ISOLATION LEVEL REPEATABLE READ")
        other.execute("SELECT count(*) FROM events")
        pid = other.info.backend_pid
        time.sleep(1.1)
        with Background(target_both, limits(xmin_seconds=1.0)) as run:
            run.held_by(f"session {pid} of postgres (report) has held back vacuum for")
            assert target_both.value("SELECT count(*) FROM status") == 0
            [[reason, since]] = target_both.sql("SELECT held_reason, held_since FROM sluicegate.lease")
            assert "idle in transaction: SELECT count(*) FROM events" in reason
            assert since is not None
            other.execute("COMMIT")
    assert run.outcome is not None
    assert run.outcome.state is RunState.FINISHED
    assert target_both.missing() == target_both.doubles() == 0
    assert target_both.log.notes[0].startswith("held: session ")
    assert target_both.log.notes[-1].startswith("goes on after ")


def test_a_hold_in_the_midst_of_a_run_gives_back_the_chunk_that_was_claimed_ahead(target: Target) -> None:
    fill(target, 1_000)
    target.sql("CREATE TABLE knob (held boolean); INSERT INTO knob VALUES (false)")
    slow = target.loaded(apply="INSERT INTO status SELECT row.id, pg_sleep(0.001)::text FROM {chunk} AS row")
    given = limits(query="SELECT held FROM knob")
    with session(target) as other, Background(target, given, loaded=slow) as run:
        target.wait_until("(SELECT count(*) FROM status) > 0")
        other.execute("UPDATE knob SET held = true")
        run.held_by("the policy's query says wait")
        written = target.value("SELECT count(*) FROM status")
        assert written < 1_000
        claimed = "SELECT seq FROM sluicegate.chunk WHERE state = 'pending' FOR UPDATE NOWAIT"
        assert target.sql(claimed)
        time.sleep(0.3)
        assert target.value("SELECT count(*) FROM status") == written
        other.execute("UPDATE knob SET held = false")
    assert target.missing() == target.doubles() == 0
    assert target.value("SELECT count(*) FROM sluicegate.lease") == 0


def test_a_run_that_is_held_too_long_ends_and_can_be_run_again(target: Target) -> None:
    fill(target)
    with pytest.raises(HeldTooLongError) as error:
        throttled(target, limits(query="SELECT 5", query_limit=4, max_wait=2))
    assert error.value.message == (
        "Backfill 0003_status was held for 2 s in all, the longest that max_wait allows; last by: the policy's query "
        "returns 5 (limit 4). What was committed before stays, and it resumes there."
    )
    assert error.value.exit_code == 4
    assert target.state() == "interrupted"
    assert throttled(target, limits()).state is RunState.FINISHED


def test_pausing_a_held_run_stops_it(target: Target) -> None:
    fill(target)
    with Background(target, limits(query="SELECT true")) as run:
        run.held_by("the policy's query says wait")
        target.sql("UPDATE sluicegate.backfill SET state = 'pausing'")
    assert run.outcome is not None
    assert run.outcome.state is RunState.PAUSED

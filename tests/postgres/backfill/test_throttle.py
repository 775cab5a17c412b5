"""A run waits while real servers and sessions need the room, says why, and goes on by itself."""

from __future__ import annotations

import contextlib
import json
import re
import threading
import time
from collections.abc import Iterator
from typing import Any, Self

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
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._run, args=(given, {"stop": self._stop.is_set, **changes}))

    def _run(self, given: Limits, changes: dict[str, Any]) -> None:
        try:
            self.outcome = throttled(self._target, given, **changes)
        except BaseException as error:  # noqa: BLE001 - raised again when the thread is joined
            self.error = error

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._thread.join(timeout=120)
        stuck = self._thread.is_alive()
        self._stop.set()
        self._thread.join()
        assert not stuck
        if self.error is not None:
            raise self.error

    def held_by(self, words: str) -> None:
        """Wait until the database says that the run is held for a reason with these words."""
        deadline = time.monotonic() + 60
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
    questions = Questions("0003_status", (changes.pop("loaded", None) or target.loaded()).definition, Limits(**changes))
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


def test_the_command_shows_each_signal_with_value_limit_verdict_and_the_sql_that_asked(target: Target) -> None:
    target.write_file()
    fill(target)
    calm = target.process("health", "0003")
    assert calm.returncode == 0, calm.stderr
    assert [line.split()[0] for line in calm.stdout.splitlines()] == [
        *("Backfill", "Signal", "replicas", "xmin", "waiters", "dead-tuples", "wraparound", "archive", "slots"),
    ]
    assert "Backfill 0003_status: no signal would hold it." in calm.stdout
    assert "dead-tuples  not applicable" in calm.stdout
    target.policy(query="SELECT count(*) FROM events", query_limit=10, off=["slots"], xmin_seconds=1.0)
    with session(target) as other:
        other.execute("BEGIN ISOLATION LEVEL REPEATABLE READ; SELECT 1 FROM events")
        time.sleep(1.1)
        held = target.process("health", "--sql", "--throttle-off", "archive", "--policy", "policy.toml")
    assert held.returncode == 1, held.stderr
    lines = held.stdout.splitlines()
    assert lines[0] == "Backfill 0003_status: it would be held by 2 signals."
    [found] = [line for line in lines if line.startswith("query ")]
    assert found.split() == ["query", "hold", "300", "10", "the", "policy's", "query", "returns"]
    assert [line.split()[:2] for line in lines if line.startswith(("slots", "archive"))] == [
        ["slots", "off"],
        ["archive", "off"],
    ]
    assert "-- query\nSELECT count(*) FROM events;" in held.stdout
    assert "= 'sluicegate backfill 0003_status'::name::text" in held.stdout


def test_health_as_json_says_what_holds_it(target: Target) -> None:
    target.write_file()
    target.policy(query="SELECT 1 / (count(*) - count(*)) FROM events")
    found = target.process("health", "0003", "--format", "json", "--policy", "policy.toml")
    assert found.returncode == 4
    [answer] = json.loads(found.stdout)
    assert answer["hold"] == ["query cannot be told: division by zero (SQLSTATE 22012)."]
    by_signal = {one["signal"]: one for one in answer["signals"]}
    assert by_signal["query"]["verdict"] == "unknown"
    assert by_signal["query"]["sql"] == ["SELECT 1 / (count(*) - count(*)) FROM events"]
    assert by_signal["waiters"]["figures"] == [
        {"what": "the longest wait behind us is", "value": 0.0, "limit": 1.0, "unit": "seconds", "detail": ""}
    ]


def test_a_role_that_sees_too_little_is_refused_with_the_grant_or_waives_signals_by_name(target: Target) -> None:
    fill(target)
    role = f"blind_{target.value('SELECT oid FROM pg_database WHERE datname = current_database()')}"
    target.sql(f"CREATE ROLE {role} LOGIN; GRANT ALL ON SCHEMA sluicegate, public TO {role}")
    target.sql(f"GRANT ALL ON ALL TABLES IN SCHEMA sluicegate, public TO {role}")
    blind = target.as_role(role)
    try:
        with pytest.raises(ThrottleError) as error:
            throttled(blind, limits())
        assert error.value.message == (
            f"{role} may not see what other roles do, so these signals of the throttle are unknown: replicas, xmin, "
            "waiters, wraparound."
        )
        assert error.value.hint == (
            f"GRANT pg_monitor TO {role}; or do without them: [backfill.throttle] off = "
            '["replicas", "xmin", "waiters", "wraparound"] in the policy, or --throttle-off for each.'
        )
        given = limits(off=("replicas", "xmin", "waiters", "wraparound"))
        assert throttled(blind, given, size=200).state is RunState.FINISHED
        target.sql(f"GRANT pg_monitor TO {role}")
        fill(target)
        assert throttled(blind, limits()).state is RunState.FINISHED
    finally:
        blind.close()
        target.sql(f"DROP OWNED BY {role}; DROP ROLE {role}")


@pytest.mark.parametrize(
    ("query", "words"),
    [
        ("SELECT nothing FROM events", 'column "nothing" does not exist (SQLSTATE 42703)'),
        ("SELECT 1, 2", "must return one row of one column"),
        ("SELECT 'calm'", "must return a number or a boolean"),
        ("DELETE FROM events", "query is no SELECT"),
        ("SELECT 1; SELECT 2", "found 2 statements"),
        ("WITH d AS (DELETE FROM events RETURNING 1) SELECT count(*) FROM d", "read-only transaction"),
    ],
)
def test_a_query_that_can_never_answer_is_refused_at_the_start(target: Target, query: str, words: str) -> None:
    fill(target)
    with pytest.raises(ThrottleError, match=re.escape(words)):
        throttled(target, limits(query=query))
    assert target.value("SELECT count(*) FROM events") == 300


def test_a_query_that_answers_null_holds_the_run(target: Target) -> None:
    fill(target)
    target.sql("CREATE TABLE gauge (value numeric); INSERT INTO gauge VALUES (NULL)")
    with Background(target, limits(query="SELECT value FROM gauge", query_limit=1)) as run:
        run.held_by("query cannot be told: the policy's query returns NULL")
        target.sql("UPDATE gauge SET value = 0.5")
    assert target.missing() == 0


def test_whoever_waits_behind_a_chunk_holds_the_next_one(target: Target) -> None:
    fill(target, 200)
    target.sql("CREATE TABLE done (id bigint)")
    slow = target.loaded(
        apply="UPDATE events AS e SET payload = 'done' FROM (SELECT row.id, pg_sleep(0.008) FROM {chunk} AS row) AS row"
        " WHERE e.id = row.id",
        done="row.payload = 'done'",
    )
    waited = threading.Event()

    def wait_for_rows() -> None:
        with session(target) as other:
            target.wait_until("EXISTS (SELECT 1 FROM pg_stat_activity WHERE wait_event = 'PgSleep')")
            with other.transaction():
                other.execute("LOCK TABLE events IN SHARE MODE")
            waited.set()

    waiter = threading.Thread(target=wait_for_rows)
    waiter.start()
    try:
        throttled(target, limits(waiter_seconds=0.1, settle=0.3), loaded=slow)
    finally:
        waiter.join()
    assert waited.is_set()
    notes = target.log.notes
    assert any("(report) has waited behind us for" in note and "ShareLock on events" in note for note in notes), notes
    assert notes[-1].startswith("goes on after")


def test_dead_rows_hold_a_run_that_changes_rows_until_they_are_vacuumed(target_both: Target) -> None:
    loaded = target_both.loaded(**UPDATE)
    fill(target_both, 2_000)
    target_both.sql("ALTER TABLE events SET (autovacuum_enabled = off, autovacuum_vacuum_scale_factor = 0)")
    target_both.sql("ALTER TABLE events SET (autovacuum_vacuum_threshold = 100)")
    given = limits(dead_tuples_floor=150, dead_tuples_factor=3.0)
    with Background(target_both, given, loaded=loaded, size=20, pause=0.2) as run:
        run.held_by("dead rows in events:")
        [[reason]] = target_both.sql("SELECT held_reason FROM sluicegate.lease")
        assert re.fullmatch(
            r"dead rows in events: [\d,]+ \(limit 300\); autovacuum is off for it; run VACUUM events", reason
        )
        target_both.sql("ALTER TABLE events SET (autovacuum_vacuum_threshold = 100000)")
    assert target_both.value("SELECT count(*) FROM events WHERE payload <> 'done'") == 0


def test_ids_near_wraparound_hold_a_run(target: Target) -> None:
    for _ in range(5):
        target.sql("INSERT INTO status VALUES (1, 'burn a transaction id')")
    found = reading(target, "wraparound", wraparound_age=3)
    assert found.verdict() is Verdict.HOLD
    assert found.reason().startswith("age of the oldest id in status: ")

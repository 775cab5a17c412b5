"""A run waits for replicas, slots, prepared transactions and the archiver, and survives the death of its primary."""

from __future__ import annotations

import contextlib
import time
from collections.abc import Iterator
from pathlib import Path

import psycopg
import pytest
from backfill_target import Target
from replication import Pair, eventually, replicated
from test_throttle import Background, fill, limits, reading, throttled

from sluicegate.backfill.states import RunState
from sluicegate.backfill.throttle.model import Verdict


@pytest.fixture(scope="module")
def pair() -> Iterator[Pair]:
    """A primary and a replica for all tests of this module that leave both alive."""
    with replicated() as pair:
        yield pair


@pytest.fixture
def target(pair: Pair, tmp_path: Path) -> Iterator[Target]:
    """A database on the primary."""
    with psycopg.connect(pair.primary.url(), autocommit=True) as admin:
        name = f"t{time.monotonic_ns()}"
        admin.execute(f"CREATE DATABASE {name}")
        with contextlib.closing(Target(pair.primary.url(name), tmp_path / "backfills")) as target:
            target.install()
            yield target
        admin.execute(f"DROP DATABASE {name} WITH (FORCE)")


def test_a_replica_that_stops_to_replay_holds_the_run_until_it_has_caught_up(pair: Pair, target: Target) -> None:
    fill(target, 500)
    pair.caught_up()
    with psycopg.connect(pair.replica.url(), autocommit=True) as replica:
        replica.execute("SELECT pg_wal_replay_pause()")
        eventually(lambda: replica.execute("SELECT pg_get_wal_replay_pause_state() = 'paused'").fetchone() == (True,))
        try:
            given = limits(replica_lag_bytes=20_000, replicas=("r1",))
            with Background(target, given, size=20, pause=0.02) as run:
                run.held_by("replica r1 has to replay")
                written = target.value("SELECT count(*) FROM status")
                replica.execute("SELECT pg_wal_replay_resume()")
        finally:
            replica.execute("SELECT pg_wal_replay_resume()")
    assert written < 500
    assert target.missing() == target.doubles() == 0
    assert run.outcome is not None
    assert run.outcome.state is RunState.FINISHED


def test_time_behind_is_told_although_the_server_does_not_say_it(pair: Pair, target: Target) -> None:
    fill(target, 100)
    pair.caught_up()
    with psycopg.connect(pair.replica.url(), autocommit=True) as replica:
        replica.execute("SELECT pg_wal_replay_pause()")
        try:
            eventually(
                lambda: replica.execute("SELECT pg_get_wal_replay_pause_state() = 'paused'").fetchone() == (True,)
            )
            with Background(target, limits(replica_lag_seconds=0.4), size=1, pause=0.2) as run:
                run.held_by("replica r1 is behind by")
                replica.execute("SELECT pg_wal_replay_resume()")
        finally:
            replica.execute("SELECT pg_wal_replay_resume()")
    assert target.missing() == 0


def test_a_replica_that_must_be_there_and_is_not_holds_the_run(target: Target) -> None:
    found = reading(target, "replicas", replicas=("r1", "r2"))
    assert found.verdict() is Verdict.HOLD
    assert found.reason() == "replica r2 is not connected; start it, or take it off the policy's list"


def test_a_prepared_transaction_is_named_with_what_ends_it(target: Target) -> None:
    fill(target, 10)
    target.sql("BEGIN; INSERT INTO events (payload) VALUES ('late'); PREPARE TRANSACTION 'left behind'")
    try:
        for _ in range(6):
            target.sql("INSERT INTO events (payload) VALUES ('x')")
        found = reading(target, "xmin", xmin_age=5)
        assert found.verdict() is Verdict.HOLD
        [said] = [str(figure) for figure in found.figures if figure.exceeds() and "prepared" in figure.what]
        assert said.startswith("prepared transaction left behind of postgres holds back vacuum, transactions since: ")
        assert said.endswith("; end it with COMMIT PREPARED or ROLLBACK PREPARED 'left behind'")
    finally:
        target.sql("ROLLBACK PREPARED 'left behind'")


def test_a_query_on_the_replica_holds_the_primary_s_horizon_by_feedback(pair: Pair, target: Target) -> None:
    pair.caught_up()
    name = target.connection.info.dbname
    with psycopg.connect(pair.replica.url(name), autocommit=True) as reader:
        reader.execute("BEGIN ISOLATION LEVEL REPEATABLE READ")
        reader.execute("SELECT count(*) FROM events")
        for _ in range(6):
            target.sql("INSERT INTO events (payload) VALUES ('x')")
        found = eventually(lambda: (one := reading(target, "xmin", xmin_age=5)).verdict() is Verdict.HOLD and one)
        assert "standby r1 (pid " in found.reason()
        assert "hot_standby_feedback" in found.reason()


def test_a_slot_that_keeps_too_much_wal_holds_the_run(target: Target) -> None:
    target.sql("SELECT pg_create_physical_replication_slot('forgotten', true)")
    try:
        fill(target, 500)
        found = reading(target, "slots", slot_bytes=1_000)
        assert found.verdict() is Verdict.HOLD
        assert found.reason().startswith("slot forgotten keeps WAL: ")
        assert found.reason().endswith("(limit 1,000 bytes); not in use; drop it if nobody needs it any more")
    finally:
        target.sql("SELECT pg_drop_replication_slot('forgotten')")
    assert reading(target, "slots").verdict() is Verdict.ABSENT


def test_a_failing_archiver_holds_the_run_until_it_works_again(pair: Pair, target: Target) -> None:
    fill(target)
    with pair.broken_archive() as flag:
        target.sql("SELECT pg_switch_wal()")
        eventually(lambda: reading(target, "archive").verdict() is Verdict.HOLD)
        with Background(target, limits()) as run:
            run.held_by("failed, and nothing was archived since")
            flag.unlink()
            target.sql("SELECT pg_switch_wal()")
    assert target.missing() == 0


def test_files_that_wait_for_the_archiver_are_counted(pair: Pair, target: Target) -> None:
    with pair.broken_archive():
        for _ in range(3):
            fill(target, 1)
            target.sql("SELECT pg_switch_wal()")
        figures = reading(target, "archive", archive_files=1).figures
        [waiting] = [figure for figure in figures if figure.what == "WAL files that wait to be archived:"]
        assert waiting.value >= 2
        assert waiting.exceeds()


def test_a_replica_is_refused_at_the_start(pair: Pair, target: Target, tmp_path: Path) -> None:
    pair.caught_up()
    with contextlib.closing(Target(pair.replica.url(target.connection.info.dbname), tmp_path)) as replica:
        with pytest.raises(Exception, match="standby") as error:
            throttled(replica, limits())
        assert getattr(error.value, "exit_code", None) == 2

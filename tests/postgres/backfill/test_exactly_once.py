"""Whatever dies or stops, at whatever moment: no owed row is missing, and none is written twice."""

from __future__ import annotations

import contextlib
import random
import signal
import subprocess
import time

import psycopg
import pytest
from backfill_target import Target

from sluicegate.backfill import control
from sluicegate.backfill.lease import LeaseLostError
from sluicegate.backfill.retry import Backoff
from sluicegate.pg.embedded import kill, start, temporary_server
from sluicegate.store.queries import statement

ROWS = 3000


@pytest.fixture
def filled(target):
    """3,000 events, one in seven without payload."""
    target.sql(
        "INSERT INTO events (payload) SELECT CASE n % 7 WHEN 0 THEN '' WHEN 1 THEN NULL ELSE 'x' END"
        f" FROM generate_series(1, {ROWS}) AS n"
    )
    return target


def owed(target) -> int:
    """How many rows are owed work."""
    return target.value("SELECT count(*) FROM events WHERE payload <> ''")


@pytest.mark.parametrize("seed", range(10))
def test_a_runner_killed_at_a_random_moment_is_resumed_by_the_next(filled, seed: int) -> None:
    filled.write_file()
    moment = random.Random(seed)
    arguments = ("run", "0003", "--batch-size", "4", "--sleep", "0", "--lease", "0.5")
    with filled.started(*arguments) as process:
        filled.wait_until("EXISTS (SELECT 1 FROM sluicegate.chunk WHERE state = 'done')")
        time.sleep(moment.random() * 0.5)
        process.send_signal(signal.SIGKILL)
    assert filled.run(size=400).state == "finished"
    assert (filled.missing(), filled.doubles()) == (0, 0)


def test_two_runners_at_once_share_the_work_and_both_end_well(filled) -> None:
    filled.write_file()
    arguments = ("run", "0003", "--batch-size", "50", "--sleep", "1")
    with filled.started(*arguments) as one, filled.started(*arguments) as other:
        filled.wait_until("(SELECT count(DISTINCT epoch) FROM sluicegate.chunk WHERE state = 'done') = 2")
        control.tune(filled.connection, "0003_status", actor="test", sleep=0.02)
        ends = [process.communicate(timeout=60) for process in (one, other)]
        assert [one.returncode, other.returncode] == [0, 0], ends
    assert [out for out, _ in ends] == [
        f"Backfill 0003_status: finished, not verified.\nRows: {owed(filled)}/{owed(filled)} written\n"
    ] * 2
    assert (filled.missing(), filled.doubles()) == (0, 0)
    assert filled.value("SELECT sum(rows) FROM sluicegate.chunk") == owed(filled)
    assert filled.value("SELECT count(DISTINCT epoch) FROM sluicegate.chunk") == 2
    assert filled.value("SELECT count(*) FROM sluicegate.lease") == 0


def stop_between_transactions(target: Target, process: subprocess.Popen[str]) -> None:
    """Stop a process; one that was stopped in a transaction would hold locks that nobody else gets."""
    while True:
        process.send_signal(signal.SIGSTOP)
        time.sleep(0.1)  # what the server was sent before has its answer by then
        if target.value(
            "SELECT count(xact_start) = 0 FROM pg_stat_activity"
            " WHERE application_name LIKE 'sluicegate%' AND datname = current_database()"
        ):
            return
        process.send_signal(signal.SIGCONT)
        time.sleep(0.01)


def test_a_stopped_runner_whose_lease_was_taken_writes_nothing_when_it_wakes(filled) -> None:
    filled.write_file()
    with filled.started("run", "0003", "--batch-size", "20", "--sleep", "0.05", "--lease", "0.4") as sleeper:
        filled.wait_until("EXISTS (SELECT 1 FROM sluicegate.chunk WHERE state = 'done')")
        stop_between_transactions(filled, sleeper)
        try:
            filled.wait_until("EXISTS (SELECT 1 FROM sluicegate.lease WHERE expires_at < clock_timestamp())")
            assert filled.run(size=200, lease=0.4).state == "finished"
            before = filled.value("SELECT count(*) FROM status")
        finally:
            sleeper.send_signal(signal.SIGCONT)
        out, err = sleeper.communicate(timeout=60)
    assert sleeper.returncode == 4, (out, err)
    assert "was silent for longer than its lease on backfill 0003_status" in err
    assert f"Rows: {owed(filled)}/{owed(filled)} written" in out
    assert filled.value("SELECT count(*) FROM status") == before == owed(filled)
    assert filled.value("SELECT count(*) FROM sluicegate.audit WHERE event = 'lease taken over'") == 1


def test_a_runner_that_was_fenced_between_claim_and_commit_cannot_commit(filled) -> None:
    """The lease cannot be taken while a chunk's transaction holds it, and not be used once it is gone."""
    with psycopg.connect(filled.url) as chunk:
        filled.sql(
            "INSERT INTO sluicegate.backfill (name, number, revision, state, fingerprint, key_types, batch_size, sleep,"
            " epoch, rows_written, rows_parked) VALUES ('b', '1', '1', 'running', '', '{}', 1, 0, 1, 0, 0)"
        )
        filled.sql("INSERT INTO sluicegate.lease VALUES ('b', 1, 'one', now(), now(), now() - interval '1 minute')")
        fence, take = statement("lease_fence"), statement("lease_take_over")
        assert chunk.execute(fence, {"name": "b", "epoch": 1}).fetchone()[0] == "running"
        assert filled.connection.execute(take, {"name": "b", "epoch": 2}).fetchall() == []
        beat = filled.connection.execute(statement("lease_renew"), {"name": "b", "epoch": 1, "seconds": -60})
        assert beat.rowcount == 1
        chunk.rollback()
        assert len(filled.connection.execute(take, {"name": "b", "epoch": 2}).fetchall()) == 1
        assert chunk.execute(fence, {"name": "b", "epoch": 1}).fetchone() is None


def test_a_lost_lease_is_refused_in_this_process_too(filled) -> None:
    def take() -> None:
        filled.sql("DELETE FROM sluicegate.lease")

    filled.log.after_chunk = take
    with pytest.raises(LeaseLostError):
        filled.run(size=500, pause=0.01)
    assert filled.value("SELECT count(*) FROM sluicegate.chunk WHERE state = 'done'") == 1


@pytest.mark.parametrize("victims", ["backfill", "heartbeat", "sluicegate"])
def test_connections_that_are_cut_come_back(filled, victims: str) -> None:
    cut = []

    def terminate() -> None:
        if len(cut) < 5:
            pattern = f"sluicegate {victims}%" if victims != "sluicegate" else "sluicegate%"
            cut.append(
                filled.value(
                    "SELECT count(pg_terminate_backend(pid)) FROM pg_stat_activity WHERE application_name LIKE %s",
                    pattern,
                )
            )

    filled.log.after_chunk = terminate
    assert filled.run(size=100, lease=0.4).state == "finished"
    assert (filled.missing(), filled.doubles()) == (0, 0)


def test_ctrl_c_finishes_the_chunk_and_the_next_run_goes_on(filled) -> None:
    filled.write_file()
    with filled.started("run", "0003", "--batch-size", "50", "--sleep", "0.05") as process:
        filled.wait_until("EXISTS (SELECT 1 FROM sluicegate.chunk WHERE state = 'done')")
        process.send_signal(signal.SIGINT)
        out, err = process.communicate(timeout=60)
    assert process.returncode == 130, (out, err)
    assert out.startswith("Backfill 0003_status: interrupted.\nRows: ")
    assert "Stopping after this chunk; once more to roll it back." in err
    assert "Traceback" not in err
    assert filled.state() == "interrupted"
    assert filled.process("run", "0003", "--sleep", "0").returncode == 0
    assert (filled.missing(), filled.doubles()) == (0, 0)


def test_a_second_ctrl_c_rolls_the_chunk_back_at_once(filled) -> None:
    slow = "INSERT INTO status SELECT row.id, 'x' FROM {chunk} AS row, pg_sleep(600)"
    filled.write_file(apply=slow)
    with filled.started("run", "0003") as process:
        filled.wait_until(
            "EXISTS (SELECT 1 FROM pg_stat_activity WHERE query LIKE 'INSERT INTO status%' AND state = 'active')"
        )
        process.send_signal(signal.SIGINT)
        time.sleep(0.3)
        process.send_signal(signal.SIGINT)
        out, err = process.communicate(timeout=60)
    assert process.returncode == 130, (out, err)
    assert out == f"Backfill 0003_status: stopped; the chunk in hand was rolled back.\nRows: 0/{owed(filled)} written\n"
    assert "Traceback" not in err
    assert filled.state() == "interrupted"


def test_sigterm_stops_like_ctrl_c(filled) -> None:
    filled.write_file()
    with filled.started("run", "0003", "--batch-size", "50", "--sleep", "3600") as process:
        filled.wait_until("EXISTS (SELECT 1 FROM sluicegate.chunk WHERE state = 'done')")
        process.terminate()
        process.communicate(timeout=60)
    assert process.returncode == 130
    assert filled.state() == "interrupted"


def test_there_is_no_pause_before_the_first_chunk_nor_after_the_last(filled) -> None:
    filled.write_file()
    done = filled.process("run", "0003", "--batch-size", str(ROWS), "--sleep", "3600")
    assert done.returncode == 0, done.stderr


def test_a_server_that_crashes_and_comes_back_loses_no_row(tmp_path) -> None:
    durable = {"synchronous_commit": "on"}
    with (
        temporary_server(18, settings=durable) as server,
        contextlib.closing(Target(server.url(), tmp_path / "backfills")) as target,
    ):
        target.install()
        target.sql(f"INSERT INTO events (payload) SELECT 'x' FROM generate_series(1, {ROWS})")
        crashes = iter(range(2))

        def crash() -> None:
            if next(crashes, None) is not None:
                kill(server)
                start(server.data, 18)

        target.log.after_chunk = crash
        patience = Backoff(first=0.2, longest=1, attempts=12)
        assert target.run(size=500, sleep=time.sleep, backoff=patience).state == "finished"
        target.reconnect()
        assert (target.missing(), target.doubles()) == (0, 0)
        assert len(target.log.retries) >= 2


def test_deadlocks_and_lock_timeouts_are_tried_again(filled) -> None:
    fails = iter(["40P01", "55P03", "40001"])
    filled.sql("CREATE SEQUENCE tries")
    filled.sql(
        "CREATE FUNCTION stumble() RETURNS trigger LANGUAGE plpgsql AS $$ DECLARE n bigint := nextval('tries'); BEGIN"
        " IF n <= 3 THEN RAISE EXCEPTION 'stumbled' USING ERRCODE ="
        f" (ARRAY['{next(fails)}', '{next(fails)}', '{next(fails)}'])[n]; END IF; RETURN NULL; END $$"
    )
    filled.sql("CREATE TRIGGER stumble AFTER INSERT ON status EXECUTE FUNCTION stumble()")
    assert filled.run(size=1000).state == "finished"
    assert filled.log.retries == ["stumbled"] * 3
    assert (filled.missing(), filled.doubles()) == (0, 0)


def test_a_chunk_waits_two_seconds_for_a_lock_and_no_longer(filled) -> None:
    with psycopg.connect(filled.url) as other:
        other.execute("LOCK TABLE status IN ACCESS EXCLUSIVE MODE")
        began = time.monotonic()

        def release(seconds: float) -> None:
            other.rollback()

        assert filled.run(size=5000, sleep=release).state == "finished"
        assert time.monotonic() - began > 1.5
    assert filled.log.retries == ["canceling statement due to lock timeout"]


def test_a_chunk_that_takes_too_long_is_halved(filled) -> None:
    filled.sql("CREATE TABLE seen (n bigint)")
    filled.sql(
        "CREATE FUNCTION too_many() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN"
        " IF (SELECT count(*) FROM fresh) > 300 THEN RAISE query_canceled USING MESSAGE = 'too slow'; END IF;"
        " RETURN NULL; END $$"
    )
    filled.sql(
        "CREATE TRIGGER t AFTER INSERT ON status REFERENCING NEW TABLE AS fresh FOR EACH STATEMENT"
        " EXECUTE FUNCTION too_many()"
    )
    assert filled.run(size=2000).state == "finished"
    assert max(filled.log.chunks) <= 300
    assert (filled.missing(), filled.doubles()) == (0, 0)
    assert filled.value("SELECT mark[1]::int FROM sluicegate.backfill") == ROWS


def test_two_verifications_at_once_work_missing_rows_off_once(filled) -> None:
    filled.write_file()
    assert filled.run(size=500).state == "finished"
    filled.sql("DELETE FROM status WHERE event_id % 5 = 0")
    arguments = ("verify", "0003", "--batch-size", "100")
    with filled.started(*arguments) as one, filled.started(*arguments) as other:
        ends = [process.communicate(timeout=60) for process in (one, other)]
    assert 0 in (one.returncode, other.returncode), ends
    assert filled.verify().verified
    assert (filled.missing(), filled.doubles()) == (0, 0)


def test_a_run_that_starts_while_a_silent_worker_still_writes_takes_nothing_up_again(filled) -> None:
    """A parked row is tried again only when no open transaction can be writing it."""
    filled.run(filled.loaded(apply="INSERT INTO status SELECT row.id, 1 / (row.id - 2) FROM {chunk} AS row"))
    assert filled.state() == "finished_with_parked"
    filled.sql("UPDATE sluicegate.backfill SET state = 'running', epoch = 99")
    filled.sql("INSERT INTO sluicegate.lease VALUES ('0003_status', 99, 'silent', now(), now(), now() - interval '1h')")
    with psycopg.connect(filled.url) as silent:
        silent.execute(statement("lease_fence"), {"name": "0003_status", "epoch": 99})
        loaded = filled.loaded(apply="INSERT INTO status SELECT row.id, 1 / (row.id - 2) FROM {chunk} AS row")
        assert filled.run(loaded).state == "finished_with_parked"
        assert filled.value("SELECT state FROM sluicegate.chunk WHERE state <> 'done'") == "parked"
        assert filled.value("SELECT max(attempts) FROM sluicegate.parked") == 1

"""Several workers in one process: they share the work, and what happens to one does not happen to the others."""

from __future__ import annotations

import contextlib
import signal
import time

import pytest

from sluicegate.backfill import control, crew
from sluicegate.backfill.engine import Pace
from sluicegate.backfill.states import StateError


@pytest.fixture
def filled(target):
    """3,000 events and a backfill's file."""
    target.write_file()
    target.sql("INSERT INTO events (payload) SELECT 'x' FROM generate_series(1, 3000); ANALYZE events")
    return target


def test_workers_of_one_process_share_the_work(filled) -> None:
    ran = filled.process("run", "0003", "--workers", "3", "--batch-size", "50", "--sleep", "0.02")
    assert (ran.returncode, ran.stdout) == (
        0,
        "Backfill 0003_status: finished, not verified.\nRows: 3000/3000 written\n",
    ), ran.stderr
    assert (filled.missing(), filled.doubles()) == (0, 0)
    assert filled.value("SELECT count(DISTINCT owner) FROM sluicegate.chunk") == 3
    assert filled.value("SELECT count(*) FROM sluicegate.lease") == 0


def test_ctrl_c_has_every_worker_finish_its_chunk(filled) -> None:
    arguments = ("run", "0003", "--workers", "3", "--batch-size", "20", "--sleep", "0.1")
    with filled.started(*arguments) as process:
        filled.wait_until("(SELECT count(DISTINCT owner) = 3 FROM sluicegate.chunk)")
        process.send_signal(signal.SIGINT)
        out, err = process.communicate(timeout=60)
    assert process.returncode == 130, (out, err)
    assert out.startswith("Backfill 0003_status: interrupted.\nRows: ")
    assert "Traceback" not in err
    assert filled.value("SELECT count(*) FROM sluicegate.lease") == 0
    assert filled.process("run", "0003", "--workers", "2", "--sleep", "0").returncode == 0
    assert (filled.missing(), filled.doubles()) == (0, 0)


def test_a_second_ctrl_c_rolls_back_the_chunks_of_all_workers(target) -> None:
    target.write_file(apply="INSERT INTO status SELECT row.id, pg_sleep(600)::text FROM {chunk} AS row")
    target.sql("INSERT INTO events (payload) SELECT 'x' FROM generate_series(1, 30); ANALYZE events")
    with target.started("run", "0003", "--workers", "3", "--batch-size", "5") as process:
        target.wait_until("(SELECT count(*) = 3 FROM pg_stat_activity WHERE query LIKE 'INSERT INTO status%')")
        process.send_signal(signal.SIGINT)
        time.sleep(0.3)
        assert process.poll() is None
        process.send_signal(signal.SIGINT)
        out, err = process.communicate(timeout=60)
    assert process.returncode == 130, (out, err)
    assert out == "Backfill 0003_status: stopped; the chunk in hand was rolled back.\nRows: 0/30 written\n"
    assert "Traceback" not in err
    assert target.state() == "interrupted"
    assert target.value("SELECT count(*) FROM sluicegate.chunk WHERE state = 'pending' AND part = ''") == 6


def test_a_worker_that_loses_its_lease_takes_nothing_from_the_others(filled) -> None:
    taken = []

    def take() -> None:
        if not taken and filled.value("SELECT count(*) FROM sluicegate.lease") == 3:
            taken.append(filled.sql("DELETE FROM sluicegate.lease WHERE epoch = 2 RETURNING epoch"))

    filled.log.after_chunk = take
    outcome = crew.run(filled.loaded(), filled.url, Pace(50, 0.02, 30), filled.around(), workers=3)
    assert taken
    assert outcome.state == "finished"
    assert any("ended early, the others go on: Worker " in note for note in filled.log.notes)
    assert (filled.missing(), filled.doubles()) == (0, 0)
    assert sum(filled.log.chunks) == 3000


def test_a_failed_chunk_stops_all_workers_and_keeps_what_is_written(target) -> None:
    target.sql(
        "CREATE FUNCTION broken(id bigint) RETURNS text LANGUAGE plpgsql AS $$ BEGIN IF id = 150 THEN"
        " RAISE EXCEPTION USING ERRCODE = '0A000', MESSAGE = 'not here'; END IF; RETURN 'x'; END $$"
    )
    target.write_file(apply="INSERT INTO status SELECT row.id, broken(row.id) FROM {chunk} AS row")
    target.sql("INSERT INTO events (payload) SELECT 'x' FROM generate_series(1, 200); ANALYZE events")
    ran = target.process("run", "0003", "--workers", "3", "--batch-size", "10", "--sleep", "0.02")
    assert ran.returncode == 4
    assert ran.stdout.startswith("Backfill 0003_status: failed.\nRows: ")
    assert target.state() == "failed"
    assert target.value("SELECT count(*) FROM status") >= 100
    assert target.value("SELECT count(*) FROM sluicegate.lease") == 0


def test_tune_sends_workers_away_and_brings_more(filled) -> None:
    alive = (
        "(SELECT count(DISTINCT owner) FROM sluicegate.chunk WHERE finished_at > clock_timestamp() - interval '0.5 s')"
    )
    with filled.started("run", "0003", "--workers", "2", "--batch-size", "2", "--sleep", "0.1") as process:
        filled.wait_until(f"{alive} = 2")
        assert "at most 1 workers" in filled.process("tune", "0003", "--workers", "1").stdout
        filled.wait_until(f"{alive} = 1")
        filled.wait_until("(SELECT count(*) FROM sluicegate.lease WHERE held_reason LIKE 'stands by%') = 1")
        filled.process("tune", "0003", "--workers", "4")
        filled.wait_until(f"{alive} = 4")
        filled.process("tune", "0003", "--batch-size", "500", "--sleep", "0")
        out, err = process.communicate(timeout=60)
    assert (process.returncode, out) == (
        0,
        "Backfill 0003_status: finished, not verified.\nRows: 3000/3000 written\n",
    ), err
    assert (filled.missing(), filled.doubles()) == (0, 0)


def test_chunks_that_are_planned_anew_while_workers_take_them_are_neither_lost_nor_doubled(filled) -> None:
    with filled.started("run", "0003", "--workers", "3", "--batch-size", "5", "--sleep", "0.01") as process:
        filled.wait_until("EXISTS (SELECT 1 FROM sluicegate.chunk WHERE state = 'done')")
        size = 0
        with contextlib.suppress(StateError):  # until it has finished
            while True:
                size = size % 40 + 1
                control.tune(filled.connection, "0003_status", actor="test", batch_size=size)
                time.sleep(0.02)
        out, err = process.communicate(timeout=60)
    assert (process.returncode, out) == (
        0,
        "Backfill 0003_status: finished, not verified.\nRows: 3000/3000 written\n",
    ), err
    assert filled.value("SELECT count(*) FROM sluicegate.audit WHERE event = 'tuned'") > 10
    assert (filled.missing(), filled.doubles()) == (0, 0)
    assert filled.value("SELECT mark FROM sluicegate.backfill") == ["3000"]

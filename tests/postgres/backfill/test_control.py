"""Pause, resume, cancel, tune and retry from another terminal: real processes, seen long before a pause ends."""

from __future__ import annotations

import getpass
import re
import socket
import subprocess
import time

import pytest

from sluicegate.backfill import control
from sluicegate.cli import run

UNLESS_BAD = (
    "INSERT INTO status SELECT row.id, 1 / (SELECT 1 - count(*) FROM bad b WHERE b.id = row.id) FROM {chunk} AS row"
)
ME = f"{getpass.getuser()}@{socket.gethostname()}"


@pytest.fixture
def filled(target):
    """2,000 events and a backfill's file."""
    target.write_file()
    target.sql("INSERT INTO events (payload) SELECT 'x' FROM generate_series(1, 2000); ANALYZE events")
    return target


def begun(target) -> None:
    """Wait for the first chunk."""
    target.wait_until("EXISTS (SELECT 1 FROM sluicegate.chunk WHERE state = 'done')")


def ended(process: subprocess.Popen[str]) -> tuple[str, str]:
    """Wait for a process's end, a minute at most, which none here reaches that sleeps; return what it said."""
    return process.communicate(timeout=60)


def events(target) -> list[tuple[str, bool]]:
    """The audited events, and whether a person did them."""
    return [
        (event, actor == ME) for event, actor in target.sql("SELECT event, actor FROM sluicegate.audit ORDER BY id")
    ]


def test_pause_from_another_terminal_is_seen_by_a_worker_that_sleeps_for_minutes(filled) -> None:
    with filled.started("run", "0003", "--batch-size", "10", "--sleep", "300") as worker:
        begun(filled)
        time.sleep(0.3)
        paused = filled.process("pause", "0003")
        out, err = ended(worker)
    assert (paused.returncode, paused.stdout) == (0, "Backfill 0003_status: paused.\n")
    assert paused.stderr == (
        "Go on: sluicegate backfill resume 0003_status; then sluicegate backfill run 0003_status\n"
    )
    assert (worker.returncode, out) == (130, "Backfill 0003_status: paused.\nRows: 10/2000 written\n"), err
    assert f"Paused by {ME}" in err
    assert events(filled)[-2:] == [("pausing", True), ("paused", False)]

    again = filled.process("run", "0003")
    assert again.returncode == 2
    assert re.search(
        r"Error: Backfill 0003_status is paused since [-\d: ]+ \w+, by \S+; no worker begins there.\n"
        r"  Go on: sluicegate backfill resume 0003_status; then sluicegate backfill run 0003_status\n",
        again.stderr,
    )
    resumed = filled.process("resume", "0003")
    assert (resumed.returncode, resumed.stdout, resumed.stderr) == (
        0,
        "Backfill 0003_status: may be run again.\n",
        "Next: sluicegate backfill run 0003_status\n",
    )
    assert filled.process("run", "0003", "--sleep", "0").returncode == 0
    assert (filled.missing(), filled.doubles()) == (0, 0)


def test_cancel_from_another_terminal_and_what_is_written_stays(filled) -> None:
    with filled.started("run", "0003", "--batch-size", "10", "--sleep", "300") as worker:
        begun(filled)
        assert filled.process("cancel", "0003").stdout == "Backfill 0003_status: cancelled.\n"
        out, _err = ended(worker)
    assert (worker.returncode, out) == (130, "Backfill 0003_status: cancelled.\nRows: 10/2000 written\n")
    assert filled.process("run", "0003").returncode == 2
    assert filled.process("resume", "0003").returncode == 0
    assert filled.process("run", "0003", "--sleep", "0").returncode == 0
    assert (filled.missing(), filled.doubles()) == (0, 0)


def test_a_chunk_that_hangs_is_rolled_back_on_request(target) -> None:
    target.write_file(apply="INSERT INTO status SELECT row.id, pg_sleep(600)::text FROM {chunk} AS row")
    target.sql("INSERT INTO events (payload) SELECT 'x' FROM generate_series(1, 3); ANALYZE events")
    with target.started("run", "0003") as worker:
        target.wait_until("EXISTS (SELECT 1 FROM pg_stat_activity WHERE query LIKE 'INSERT INTO status%')")
        waiting = target.process("pause", "0003", "--wait", "0.5")
        assert waiting.returncode == 1
        assert re.fullmatch(
            r"Backfill 0003_status: pausing.\nStill at its chunk: worker \S+, last heard of [\d:]+ \w+\n",
            waiting.stdout,
        )
        assert target.process("pause", "0003", "--now").stdout == "Backfill 0003_status: paused.\n"
        out, _err = ended(worker)
    assert (worker.returncode, out) == (130, "Backfill 0003_status: paused.\nRows: 0/3 written\n")
    assert target.value("SELECT count(*) FROM sluicegate.chunk WHERE state = 'pending'") == 1


def test_a_pause_is_reached_when_the_workers_died_before_they_saw_it(filled) -> None:
    with filled.started("run", "0003", "--batch-size", "10", "--sleep", "300", "--lease", "0.5") as worker:
        begun(filled)
        worker.kill()
        worker.wait()
    assert filled.process("pause", "0003").stdout == "Backfill 0003_status: paused.\n"
    assert ("lease taken over", True) in events(filled)


def test_a_refusal_says_the_state_and_what_can_be_done(filled, capsys) -> None:
    filled.run(size=2000)
    place = ["0003", "--dir", str(filled.folder), "--database-url", filled.url]
    for verb, *flags in (["pause"], ["cancel"], ["resume"], ["retry-parked"], ["tune", "--sleep", "1"]):
        assert run(["backfill", verb, *place, *flags]) == 2
        assert capsys.readouterr() == (
            "",
            (
                f"Error: Backfill 0003_status is finished, not verified; {verb} does nothing there.\n"
                "  Prove it with: sluicegate backfill verify 0003_status\n"
            ),
        )


def test_what_never_ran_is_said_so(filled, capsys) -> None:
    assert run(["backfill", "pause", "0003", "--dir", str(filled.folder), "--database-url", filled.url]) == 2
    assert capsys.readouterr().err == (
        "Error: Backfill 0003_status has never run in this database; pause does nothing there.\n"
        "  Start it with: sluicegate backfill run 0003_status\n"
    )


def test_tune_wakes_a_sleeping_worker_and_holds_from_the_next_chunk_on(filled) -> None:
    with filled.started("run", "0003", "--batch-size", "10", "--sleep", "300") as worker:
        begun(filled)
        tuned = filled.process("tune", "0003", "--batch-size", "500", "--sleep", "0.01")
        filled.wait_until("EXISTS (SELECT 1 FROM sluicegate.chunk WHERE rows = 500)")
        out, err = ended(worker)
    assert worker.returncode == 0, err
    assert out == "Backfill 0003_status: finished, not verified.\nRows: 2000/2000 written\n"
    assert tuned.stdout == (
        "Backfill 0003_status: 500 keys a chunk, 0.01 s between chunks "
        "(before: 10 keys a chunk, 300 s between chunks).\n"
        "31 planned chunks are planned anew in the new size.\n"
    )
    assert "0003_status: goes on with 500 keys a chunk, 0.01 s between chunks" in err
    assert filled.sql("SELECT rows FROM sluicegate.chunk ORDER BY seq") == [(10,), (500,), (500,), (500,), (490,)]
    assert filled.sql("SELECT actor, detail FROM sluicegate.audit WHERE event = 'tuned'") == [
        (ME, "10 keys a chunk, 300 s between chunks → 500 keys a chunk, 0.01 s between chunks")
    ]
    assert (filled.missing(), filled.doubles()) == (0, 0)


def test_tune_refuses_bad_values_before_connecting(filled, capsys) -> None:
    place = ["0003", "--dir", str(filled.folder), "--database-url", "postgresql://nobody@127.0.0.1:1/none"]
    for flag, value in (("--workers", "0"), ("--batch-size", "1e4"), ("--sleep", "nan")):
        assert run(["backfill", "tune", *place, flag, value]) == 2
        assert "is refused: it must be" in capsys.readouterr().err
    assert run(["backfill", "tune", *place]) == 2
    assert capsys.readouterr().err.startswith("Error: Nothing to change.")


def test_parked_rows_are_put_back_and_taken_by_the_next_run(target, capsys) -> None:
    target.sql("CREATE TABLE bad (id bigint PRIMARY KEY); INSERT INTO bad VALUES (3), (7)")
    target.write_file(apply=UNLESS_BAD)
    target.sql("INSERT INTO events (payload) SELECT 'x' FROM generate_series(1, 10); ANALYZE events")

    def said(verb: str) -> tuple[int, str]:
        code = run(["backfill", verb, "0003", "--dir", str(target.folder), "--database-url", target.url])
        return code, capsys.readouterr().out

    assert said("run")[0] == 1
    target.sql("DELETE FROM bad WHERE id = 3")
    assert said("retry-parked") == (0, "Backfill 0003_status: 2 rows were put back; the next run takes them.\n")
    assert target.state() == "interrupted"
    assert said("run") == (1, "Backfill 0003_status: finished with parked rows.\nRows: 9/10 written\n")
    target.sql("DELETE FROM bad")
    assert said("retry-parked")[0] == 0
    assert said("run") == (0, "Backfill 0003_status: finished, not verified.\nRows: 10/10 written\n")
    assert ("parked rows put back", True) in events(target)


def test_parked_rows_are_put_back_to_a_run_that_goes_on(target) -> None:
    target.sql("CREATE TABLE bad (id bigint PRIMARY KEY); INSERT INTO bad VALUES (3)")
    target.write_file(apply=UNLESS_BAD)
    target.sql("INSERT INTO events (payload) SELECT 'x' FROM generate_series(1, 200); ANALYZE events")
    with target.started("run", "0003", "--batch-size", "4", "--sleep", "0.5") as worker:
        target.wait_until("EXISTS (SELECT 1 FROM sluicegate.parked)")
        target.sql("DELETE FROM bad")
        back = target.process("retry-parked", "0003")
        control.tune(target.connection, "0003_status", actor="test", sleep=0.0)
        out, err = ended(worker)
    assert back.stdout == "Backfill 0003_status: 1 rows were put back; 1 workers take them.\n"
    assert (worker.returncode, out) == (0, "Backfill 0003_status: finished, not verified.\nRows: 200/200 written\n"), (
        err
    )
    assert (target.missing(), target.doubles()) == (0, 0)


def test_every_chunk_is_in_the_ledger_with_who_when_and_how_much(filled) -> None:
    filled.run(size=1000)
    for owner, rows, wal, seconds in filled.sql(
        "SELECT owner, rows, wal_bytes, extract(epoch FROM finished_at - started_at) FROM sluicegate.chunk"
    ):
        assert (re.fullmatch(r"\S+:\d+", owner) is not None, rows) == (True, 1000)
        assert wal > 10_000
        assert 0 < seconds < 60

"""What people, programs and monitoring see of a backfill: status, history, logs and metrics."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest
from prometheus_client.parser import text_string_to_metric_families

from sluicegate.cli import run


@pytest.fixture
def filled(target):
    """1,000 events and a backfill's file."""
    target.write_file()
    target.sql("INSERT INTO events (payload) SELECT 'x' FROM generate_series(1, 1000); ANALYZE events")
    return target


def place(target) -> list[str]:
    """The options that name folder and database."""
    return ["--dir", str(target.folder), "--database-url", target.url]


def test_watch_prints_a_line_now_and_then_until_nothing_is_running(filled) -> None:
    with filled.started("run", "0003", "--batch-size", "50", "--sleep", "0.1") as worker:
        filled.wait_until("EXISTS (SELECT 1 FROM sluicegate.chunk WHERE state = 'done')")
        watched = filled.process("status", "0003", "--watch", "--interval", "0.3")
        worker.communicate(timeout=30)
    lines = watched.stdout.splitlines()
    assert watched.returncode == 0
    assert re.fullmatch(
        r"0003_status: running; [\d,]+ of 1,000 rows, 0 parked, 1 workers, [\d,]+ rows/s, \d+ s left", lines[0]
    )
    assert lines[-1] == "0003_status: finished, not verified; 1,000 of 1,000 rows, 0 parked, 0 workers"


def test_status_and_list_as_json(filled, capsys) -> None:
    assert run(["backfill", "status", *place(filled), "--format", "json"]) == 0
    assert json.loads(capsys.readouterr().out) == [{"backfill": "0003_status", "state": "planned"}]
    filled.run(size=500)
    assert run(["backfill", "status", "0003", *place(filled), "--format", "json"]) == 0
    found = json.loads(capsys.readouterr().out)
    assert (found["state"], found["orphaned"], found["mark"], found["workers"]) == ("finished", False, ["1000"], [])
    assert found["rows"]["written"] == 1000
    assert found["settings"] == {"batch_size": 500, "sleep": 0.0, "workers": None}
    assert found["chunks"] == [{"kind": "range", "state": "done", "chunks": 2, "rows": 1000}]
    assert run(["backfill", "list", *place(filled), "--format", "json"]) == 0
    [listed] = json.loads(capsys.readouterr().out)
    assert (listed["table"], listed["state"], listed["written"]) == ("public.events", "finished", 1000)


def test_history_shows_who_did_what_and_what_chunks_cost(filled, capsys) -> None:
    filled.run(size=500)
    assert run(["backfill", "history", "0003", *place(filled)]) == 0
    shown = capsys.readouterr().out
    events, workers, chunks = shown.split("\n\n")
    assert [line.split()[4] for line in events.splitlines()[1:]] == ["running", "finished"]
    assert re.search(r"^\S+:\d+ +2 +1,000 +[\d.]+ kB +0\.\d{3} s +0\.\d{3} s", workers, re.MULTILINE)
    assert [line.split()[2:6] for line in chunks.splitlines()[1:]] == [
        ["range", "1", "done", "500"],
        ["range", "2", "done", "1000"],
    ]
    assert run(["backfill", "history", "0003", *place(filled), "--format", "json", "--limit", "1"]) == 0
    found = json.loads(capsys.readouterr().out)
    assert [one["event"] for one in found["events"]] == ["finished"]
    assert [(one["seq"], one["rows"]) for one in found["chunks"]] == [(2, 500)]
    assert (found["workers"][0]["chunks"], found["workers"][0]["rows"]) == (2, 1000)


def test_a_log_has_a_line_for_each_chunk(filled, tmp_path: Path) -> None:
    ran = filled.process("run", "0003", "--batch-size", "400", "--log-format", "json")
    lines = [json.loads(line) for line in ran.stderr.splitlines() if line.startswith("{")]
    chunks = [line for line in lines if line["event"] == "chunk"]
    assert [(line["seq"], line["key"], line["rows"]) for line in chunks] == [
        (1, ["400"], 400),
        (2, ["800"], 400),
        (3, ["1000"], 200),
    ]
    assert all(line["seconds"] > 0 and line["wal_bytes"] > 0 and line["backfill"] == "0003_status" for line in chunks)
    filled.sql("INSERT INTO events (payload) VALUES ('x'); DELETE FROM status WHERE false")
    path = tmp_path / "chunks.log"
    assert run(["backfill", "run", "0003", *place(filled), "--log-file", str(path)]) == 0
    assert re.search(
        r"^\S+ 0003_status: range 4 up to key 1001: 1 rows in 0\.\d{3} s, [\d,]+ bytes of WAL, by \S+:\d+$",
        path.read_text(),
        re.MULTILINE,
    )


def test_metrics_are_what_prometheus_reads(filled, tmp_path: Path) -> None:
    path = tmp_path / "backfills.prom"
    filled.process("run", "0003", "--batch-size", "400", "--prometheus-textfile", str(path))
    families = {family.name: family for family in text_string_to_metric_families(path.read_text())}
    written = families["sluicegate_backfill_rows_written"]
    assert (written.type, written.samples[0].labels, written.samples[0].value) == (
        "counter",
        {"backfill": "0003_status"},
        1000,
    )
    states = {sample.labels["state"]: sample.value for sample in families["sluicegate_backfill_state"].samples}
    assert [state for state, value in states.items() if value] == ["finished"]
    assert families["sluicegate_backfill_rows_owed"].samples[0].value == 1000
    assert families["sluicegate_backfill_rows_done"].samples[0].value == 1000
    assert families["sluicegate_backfill_workers"].samples[0].value == 0
    assert "sluicegate_backfill_verified_timestamp_seconds" not in families
    assert all(family.documentation for family in families.values())
    assert [found.name for found in tmp_path.iterdir() if found.name.startswith(".")] == []
    filled.verify()
    assert run(["backfill", "status", *place(filled), "--prometheus-textfile", str(path)]) == 0
    assert "sluicegate_backfill_verified_timestamp_seconds{" in path.read_text()


def test_a_metrics_file_that_cannot_be_written_stops_the_run_before_it_begins(filled, capsys) -> None:
    filled.run(size=1000)
    assert run(["backfill", "run", "0003", *place(filled), "--prometheus-textfile", "/nowhere/x.prom"]) == 2
    assert "The metrics file /nowhere/x.prom cannot be written: No such file or directory." in capsys.readouterr().err

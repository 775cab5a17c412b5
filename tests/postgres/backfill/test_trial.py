"""A dry run writes one chunk for real and leaves nothing behind."""

from __future__ import annotations

import re
import time

from backfill_target import Target

from sluicegate.backfill.trial import attempt


def everything(target: Target) -> tuple[object, ...]:
    """What a dry run must leave as it is."""
    return (
        target.sql("SELECT md5(string_agg(t::text, ',' ORDER BY t::text)) FROM events t"),
        target.sql("SELECT count(*) FROM status"),
        [
            target.sql(f"SELECT t.* FROM sluicegate.{name} t")
            for name in ("backfill", "chunk", "frontier", "lease", "audit", "parked", "proof", "sight")
        ],
    )


def test_a_dry_run_shows_what_it_would_cost_and_changes_nothing(target) -> None:
    target.write_file()
    target.sql("INSERT INTO events (payload) SELECT 'x' FROM generate_series(1, 2500); ANALYZE events")
    before = everything(target)
    ran = target.process("run", "0003", "--dry-run", "--batch-size", "1000", "--sleep", "60", "--workers", "3")
    assert ran.returncode == 0, ran.stderr
    assert everything(target) == before
    shown = ran.stdout.splitlines()
    name = target.connection.info.dbname
    assert shown[0] == f"Backfill 0003_status: one chunk was written in database {name} and rolled back."
    assert shown[-1].startswith("Nothing changed: the server says that transaction ")
    facts = {line[:14].strip(): line[14:].strip() for line in shown[1:-1]}
    assert list(facts) == [
        *("Chunk", "Rate", "WAL", "Growth", "HOT", "Lock", "All rows", "Duration", "Total WAL", "Total growth"),
    ]
    assert re.match(r"1,000 rows, up to key 1000, in \d", facts["Chunk"])
    assert facts["All rows"] == "2,500 rows in 3 chunks"
    assert re.fullmatch(r"about 1 min \d+ s with 60 s between chunks, 3 workers", facts["Duration"])
    assert facts["HOT"] == "no row was updated"
    assert "RowExclusiveLock on status" in ran.stdout
    assert "AccessShareLock on events" in ran.stdout


def test_figures_are_those_of_the_chunk(target) -> None:
    target.sql(
        "ALTER TABLE events ADD COLUMN seen boolean; ALTER TABLE events SET (fillfactor = 50);"
        "INSERT INTO events (payload) SELECT 'x' FROM generate_series(1, 2000); ANALYZE events"
    )
    loaded = target.loaded(
        done="row.seen", apply="UPDATE events SET seen = true FROM {chunk} AS row WHERE events.id = row.id"
    )
    found = attempt(loaded, target.url, batch_size=500, clock=time.perf_counter)
    assert (found.rows, found.updated, found.keys) == (500, 500, ("500",))
    assert 450 <= found.hot <= 500
    assert found.wal_bytes > 500 * 30
    assert target.value("SELECT count(*) FROM events WHERE seen") == 0
    assert target.value("SELECT pg_xact_status(%s::text::xid8)", found.xact) == "aborted"


def test_a_dry_run_goes_on_where_the_run_stands(target) -> None:
    target.sql("INSERT INTO events (payload) SELECT 'x' FROM generate_series(1, 500); ANALYZE events")
    target.run(stop=lambda: bool(target.log.chunks), size=200)
    found = attempt(target.loaded(), target.url, batch_size=100, clock=time.perf_counter)
    assert (found.rows, found.keys) == (100, ("300",))
    target.run()
    assert attempt(target.loaded(), target.url, batch_size=100, clock=time.perf_counter).rows == 0

"""Rows that come later are found above the mark and in a window below it, at a cost that the table does not change."""

from __future__ import annotations

import contextlib
from typing import Any

import psycopg
import pytest
from backfill_target import Target
from test_proof import fill, gate

from sluicegate import Sidecar
from sluicegate.backfill.chunks import Range
from sluicegate.backfill.engine import Pace
from sluicegate.backfill.session import open_session
from sluicegate.backfill.statements import bound_parameters
from sluicegate.errors import UsageError
from sluicegate.verify import rows
from sluicegate.verify.proof import prepare
from sluicegate.verify.tick import Tick, tick


def look(target: Target, loaded: Any = None, *, window: int = 0, **options: Any) -> Tick:
    """Tick in this process."""
    return tick(loaded or target.loaded(), target.url, Pace(100, 0, 30), target.around(), window=window, **options)


def proved(target: Target, rows: int = 200) -> None:
    """A backfill that is run and verified."""
    fill(target, rows)
    target.run()
    assert target.verify().verified


def test_later_rows_are_worked_off_and_the_proof_of_earlier_ones_stands(target_both) -> None:
    target = target_both
    proved(target)
    fill(target, 7)
    found = look(target)
    assert (found.found, found.left, found.complete, found.state) == (7, 0, True, "verified")
    assert (found.above, found.upper) == (("200",), ("207",))
    assert (target.missing(), target.doubles(), gate(target)) == (0, 0, "open")
    again = look(target)
    assert (again.found, again.above) == (0, ("207",))


def test_without_work_rows_are_counted_and_nothing_changes(target) -> None:
    proved(target)
    fill(target, 3)
    before = target.sql("SELECT * FROM sluicegate.sight"), target.sql("SELECT * FROM sluicegate.backfill")
    found = look(target, work=False)
    assert (found.found, found.left, found.complete, target.missing()) == (3, 3, False, 3)
    assert (target.sql("SELECT * FROM sluicegate.sight"), target.sql("SELECT * FROM sluicegate.backfill")) == before


def test_rows_that_a_long_transaction_commits_below_later_ones_are_found(target) -> None:
    proved(target, 100)
    with psycopg.connect(target.url) as late:
        late.execute("INSERT INTO events (payload) SELECT 'late' FROM generate_series(1, 5)")
        for _ in range(3):
            fill(target, 10)
            found = look(target)
            assert (found.found, found.above) == (10, ("100",))
        late.commit()
    found = look(target)
    assert (found.found, found.above, target.missing()) == (5, ("100",), 0)
    assert look(target).above == ("135",)
    assert gate(target) == "open"


def test_many_looks_during_one_long_transaction_are_not_all_remembered(target) -> None:
    proved(target, 10)
    with psycopg.connect(target.url) as late:
        late.execute("INSERT INTO events (payload) VALUES ('late')")
        for _ in range(40):
            fill(target, 1)
            look(target)
        assert target.value("SELECT count(*) FROM sluicegate.sight") == 32
        late.commit()
    assert (look(target).found, target.missing()) == (1, 0)
    assert look(target).above == ("51",)


def test_numbers_from_a_sequence_cache_are_found_in_the_window_and_always_by_the_proof(target) -> None:
    target.sql("ALTER SEQUENCE events_id_seq CACHE 50")
    with psycopg.connect(target.url, autocommit=True) as early:
        early.execute("INSERT INTO events (payload) VALUES ('early')")
        proved(target, 120)  # its keys begin above the numbers that `early` keeps
        early.execute("INSERT INTO events (payload) VALUES ('cached')")
        low = target.value("SELECT id FROM events WHERE payload = 'cached'")
        assert low == 2
        assert look(target, window=0).found == 0
        assert target.missing() == 1
        found = look(target, window=200)
        assert (found.found, found.left, found.proof_withdrawn, target.missing()) == (1, 0, True, 0)
        assert gate(target).startswith("SG001: the gate is closed")
        early.execute("INSERT INTO events (payload) VALUES ('cached again')")
    found = target.verify()
    assert (found.verified, found.requeued, target.missing(), target.doubles()) == (True, 1, 0, 0)


def test_keys_of_the_applications_own_choosing_are_found_by_the_proof(target) -> None:
    target.sql("SELECT setval('events_id_seq', 1000)")
    proved(target, 50)
    target.sql("INSERT INTO events (id, payload) OVERRIDING SYSTEM VALUE VALUES (5, 'chosen')")
    assert look(target, window=10).found == 0
    found = target.verify()
    assert (found.verified, found.requeued, target.missing()) == (True, 1, 0)


def test_parked_rows_are_tried_again(target) -> None:
    target.sql("ALTER TABLE status ADD CHECK (event_id <> 30)")
    fill(target, 50)
    assert target.run().state == "finished_with_parked"
    found = look(target)
    assert (found.parked, found.complete, found.state) == (1, False, "finished_with_parked")
    target.sql("ALTER TABLE status DROP CONSTRAINT status_event_id_check")
    found = look(target)
    assert (found.parked, found.left, found.complete, target.missing()) == (0, 0, True, 0)


def test_later_rows_that_cannot_be_written_are_parked_and_met_again(target) -> None:
    proved(target, 50)
    target.sql("ALTER TABLE status ADD CHECK (event_id <> 52)")
    fill(target, 3)
    found = look(target)
    assert (found.found, found.left, found.parked, found.complete) == (3, 1, 1, False)
    assert gate(target) == "open"
    target.sql("ALTER TABLE status DROP CONSTRAINT status_event_id_check")
    assert (look(target).complete, target.missing(), target.state()) == (True, 0, "verified")


def test_a_backfill_that_never_ran_or_is_held_is_left_alone(target) -> None:
    fill(target, 300)
    with pytest.raises(UsageError, match="has never run here"):
        look(target)
    target.run(stop=lambda: len(target.log.chunks) > 0)
    found = look(target)
    assert (found.looked, found.complete, found.state, target.missing()) == (False, False, "interrupted", 200)


def test_a_run_beside_writers_leaves_no_floor_and_tick_says_so(target) -> None:
    fill(target, 50)
    with psycopg.connect(target.url) as late:
        late.execute("INSERT INTO events (payload) VALUES ('late')")
        target.run()
        with pytest.raises(UsageError, match="Nothing says up to which key"):
            look(target)
    assert look(target, whole=True).complete
    assert look(target).complete


def test_a_sidecar_that_a_trigger_feeds_is_worked_off(target) -> None:
    target.sql(
        """
        CREATE TABLE work (id bigint PRIMARY KEY, state text NOT NULL, attempts integer NOT NULL DEFAULT 0, reason text,
            source_hash text, updated_at timestamptz NOT NULL DEFAULT now());
        CREATE FUNCTION feed() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN
            INSERT INTO work (id, state) SELECT id, 'pending' FROM added ON CONFLICT DO NOTHING; RETURN NULL; END $$;
        CREATE TRIGGER feed AFTER INSERT ON events REFERENCING NEW TABLE AS added
            FOR EACH STATEMENT EXECUTE FUNCTION feed();
        """
    )
    loaded = target.loaded(tracking=Sidecar(table="public.work"), trigger="feed")
    fill(target, 40)
    target.run(loaded)
    assert target.verify(loaded).verified
    fill(target, 5)
    target.sql("INSERT INTO events (id, payload) OVERRIDING SYSTEM VALUE VALUES (-7, 'far below')")
    found = look(target, loaded)
    assert (found.left, found.complete, target.missing(), target.doubles()) == (0, True, 0, 0)


def test_clocks_do_not_matter(target, monkeypatch: pytest.MonkeyPatch) -> None:
    import time

    proved(target, 50)
    for skew in (-86_400 * 400, 86_400 * 400):
        monkeypatch.setattr(time, "time", lambda skew=skew: 1_700_000_000 + skew)
        fill(target, 5)
        assert look(target).found == 5
        assert target.verify().verified
    assert target.value("SELECT bool_and(proved_at BETWEEN now() - interval '5 min' AND now()) FROM sluicegate.proof")


@pytest.mark.parametrize("statistics", [True, False])
def test_a_tenfold_table_costs_no_more_pages(target, statistics: bool) -> None:
    """Counted in buffers, which no busy machine changes."""
    small = pages(target, 3_000, statistics=statistics)
    large = pages(target, 30_000, statistics=statistics)
    assert large < 1.5 * small, (small, large)


def pages(target: Target, size: int, *, statistics: bool) -> int:
    """How many pages the statements of a tick touch that finds thirty rows above a table of a size."""
    target.sql("TRUNCATE events, status RESTART IDENTITY; DELETE FROM sluicegate.backfill")
    proved(target, size)
    fill(target, 30)
    if statistics:
        target.sql("VACUUM ANALYZE events")
        target.sql("VACUUM ANALYZE status")
    loaded = target.loaded()
    with contextlib.closing(open_session(target.url, loaded.name, 60)) as connection:
        statements, _state = prepare(connection, loaded, Pace(100, 0, 30))
        connection.execute("SET enable_seqscan = off")
        above = Range((str(size - 100),), (str(size + 30),))
        asked = [
            (statements.upper(), {}),
            (statements.back(), {"hi_0": str(size), "window": 100}),
            (statements.bounds(above), {**bound_parameters(above), "size": rows.RANGE, "window": 16}),
            (statements.figures(above), bound_parameters(above)),
        ]
        return sum(touched(connection, query, parameters) for query, parameters in asked)


def touched(connection: psycopg.Connection, query: Any, parameters: dict[str, Any]) -> int:
    """How many pages one statement touches."""
    explain = psycopg.sql.SQL("EXPLAIN (ANALYZE, BUFFERS, FORMAT JSON) {}").format(query)
    [[[plan]]] = connection.execute(explain, parameters).fetchall()
    return plan["Plan"]["Shared Hit Blocks"] + plan["Plan"]["Shared Read Blocks"]


def test_the_command_is_quiet_for_cron_and_its_exit_codes_say_what_it_found(target) -> None:
    proved(target, 20)
    target.write_file()
    quiet = target.process("tick", "0003", "--quiet")
    assert (quiet.returncode, quiet.stdout) == (0, "")
    fill(target, 3)
    reported = target.process("tick", "0003", "--report", "--window", "5")
    assert (reported.returncode, reported.stdout) == (
        1,
        "Backfill 0003_status: 3 rows found, 0 written, 3 missing (keys above 15 up to 23).\n",
    )
    worked = target.process("tick", "0003", "--quiet", "--window", "0")
    assert (worked.returncode, worked.stdout) == (
        0,
        "Backfill 0003_status: 3 rows found, 3 written, 0 missing (keys above 20 up to 23).\n",
    )
    target.sql("UPDATE sluicegate.backfill SET state = 'paused'")
    held = target.process("tick", "0003", "--quiet")
    assert (held.returncode, held.stdout) == (1, "Backfill 0003_status: left alone, it is paused.\n")
    refused = target.process("tick", "0003", "--window", "-1")
    assert (refused.returncode, "--window" in refused.stderr) == (2, True)

"""Nothing in flight slips past a proof: writers are waited for, and named when they last; later changes are found."""

from __future__ import annotations

import contextlib
import threading

import psycopg
import pytest
from backfill_target import Target
from replication import eventually
from test_proof import fill, gate

from sluicegate.backfill.engine import Pace
from sluicegate.backfill.writers import TriggerError, WritersError, present
from sluicegate.pg.embedded import start, temporary_server
from sluicegate.verify import proof
from sluicegate.verify.tick import tick

SYNC = """
    CREATE UNIQUE INDEX ON status (event_id);
    CREATE FUNCTION sync() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN
        INSERT INTO status SELECT id, 'trigger' FROM added ON CONFLICT DO NOTHING; RETURN NULL; END $$
"""
CREATE_TRIGGER = """
    CREATE TRIGGER sync AFTER INSERT ON events REFERENCING NEW TABLE AS added FOR EACH STATEMENT EXECUTE FUNCTION sync()
"""


def verify(target: Target, loaded=None, *, wait: float = 0, **options) -> proof.Proof:
    """Verify in this process, waiting so many seconds for writers."""
    return proof.verify(loaded or target.loaded(), target.url, Pace(100, 0, 30, wait), target.around(), **options)


def test_nothing_is_proved_while_a_writer_is_in_flight_and_it_is_named(target_both) -> None:
    target = target_both
    fill(target, 50)
    target.run()
    with psycopg.connect(target.url, application_name="importer") as late:
        late.execute("INSERT INTO events (payload) VALUES ('late')")
        with pytest.raises(WritersError) as caught:
            verify(target, wait=0.3)
        pid = late.info.backend_pid
        assert caught.value.message.startswith(
            "What these transactions have written to public.events cannot be seen before they end, so nothing is "
            f"proved: pid {pid} (postgres, importer, open for "
        )
        assert caught.value.message.endswith(" s, idle in transaction): INSERT INTO events (payload) VALUES ('late').")
        assert f"SELECT pg_terminate_backend({pid})" in caught.value.hint
        assert caught.value.exit_code == 3
        assert gate(target).startswith("SG001")
        late.commit()
    found = verify(target)
    assert (found.verified, found.requeued, found.upper) == (True, 1, ("51",))


def test_writers_are_waited_for_and_newcomers_are_not(target) -> None:
    fill(target, 50)
    target.run()
    with psycopg.connect(target.url) as late, psycopg.connect(target.url) as newcomer:
        late.execute("INSERT INTO events (payload) VALUES ('late')")
        fill(target, 1)

        def waited_for() -> bool:
            waiting = "waiting for transactions that write to public.events: pid "
            return any(note.startswith(waiting) for note in list(target.log.notes))

        def end() -> None:
            eventually(waited_for)
            newcomer.execute("INSERT INTO events (payload) VALUES ('newcomer')")
            late.commit()

        thread = threading.Thread(target=end)
        thread.start()
        found = verify(target, wait=60)
        thread.join()
        assert (found.verified, found.figures.owed, found.requeued) == (True, 52, 2)
        assert waited_for()


def test_a_number_that_was_drawn_and_not_inserted_yet_is_waited_for(target) -> None:
    with psycopg.connect(target.url) as drawer, psycopg.connect(target.url, autocommit=False) as asker:
        drawer.execute("SELECT nextval('events_id_seq')")
        assert [writer.pid for writer in present(asker, target.loaded().definition)] == [drawer.info.backend_pid]


def test_writers_of_other_tables_readers_and_other_databases_hold_nothing_up(
    target, server18, make_database, tmp_path
) -> None:
    with contextlib.closing(Target(make_database(server18), tmp_path / "other")) as other:
        other.install()
        target.sql("CREATE TABLE elsewhere (id int)")
        fill(target, 20)
        fill(other, 30)
        with (
            psycopg.connect(target.url) as writer,
            psycopg.connect(target.url) as reader,
            psycopg.connect(other.url) as far,
        ):
            writer.execute("INSERT INTO elsewhere VALUES (1)")
            reader.execute("SELECT count(*) FROM events")
            far.execute("INSERT INTO events (payload) VALUES ('far')")
            target.run()
            assert verify(target).verified
            with pytest.raises(WritersError):
                verify(other)
            far.commit()
        other.run()
        assert (verify(other).figures.owed, other.state(), target.state()) == (31, "verified", "verified")
        assert target.value("SELECT count(*) FROM status") == 20


def test_rows_inserted_and_changed_while_it_is_counted(target) -> None:
    """The proof is about the rows up to its bound; what comes after is for the trigger or for tick."""
    fill(target, 500)
    target.run()
    changes = iter(
        [
            "INSERT INTO events (payload) SELECT 'later' FROM generate_series(1, 20)",
            "DELETE FROM status WHERE event_id = 450",
            "DELETE FROM events WHERE id = 460",
            "UPDATE events SET payload = 'changed' WHERE id = 470",
        ]
    )
    counting = proof.Counting(keys=100)
    found = verify(target, counted=lambda _: target.sql(next(changes, "SELECT 1")), counting=counting)
    assert (found.verified, found.requeued, found.upper) == (True, 1, ("500",))
    assert target.missing() == 0  # the later ones were worked off along with the one that was missing
    assert target.sql("SELECT upper_bound, rows_owed, rows_done FROM sluicegate.proof") == [(["500"], 499, 499)]


def test_keys_that_move_below_the_mark_are_found(target) -> None:
    fill(target, 300)
    target.log.after_chunk = lambda: target.sql(
        "UPDATE events SET id = -id WHERE id BETWEEN 290 AND 299" if len(target.log.chunks) == 2 else "SELECT 1"
    )
    target.sql("ALTER TABLE events ALTER id SET GENERATED BY DEFAULT")
    target.run()
    assert target.missing() == 10
    found = verify(target)
    assert (found.verified, found.requeued, target.missing()) == (True, 10, 0)


def test_a_trigger_is_the_barrier_for_transactions_that_were_open_when_it_was_created(target) -> None:
    fill(target, 50)
    target.sql(SYNC)
    with psycopg.connect(target.url) as early, psycopg.connect(target.url) as writer:
        early.execute("SELECT nextval('events_id_seq')")  # draws 51 before the trigger is there
        writer.execute("INSERT INTO events (payload) VALUES ('in flight')")
        with psycopg.connect(target.url) as creator:
            creator.execute("SET lock_timeout = '200ms'")
            with pytest.raises(psycopg.errors.LockNotAvailable):
                creator.execute(CREATE_TRIGGER)
        writer.commit()
        target.sql(CREATE_TRIGGER)
        loaded = target.loaded(trigger="sync")
        target.run(loaded)
        early.execute("INSERT INTO events (id, payload) OVERRIDING SYSTEM VALUE VALUES (51, 'late')")
        early.commit()
    assert target.sql("SELECT event_id FROM status WHERE state = 'trigger'") == [(51,)]
    fill(target, 5)
    assert (target.missing(), verify(target, loaded).verified) == (0, True)


@pytest.mark.parametrize(
    ("change", "what"),
    [
        ("DROP TRIGGER sync ON events", "is not there"),
        ("ALTER TABLE events DISABLE TRIGGER sync", "is disabled"),
        ("ALTER TABLE events ENABLE REPLICA TRIGGER sync", "fires for replicated changes only"),
    ],
)
def test_a_trigger_that_does_not_fire_is_refused(target, change: str, what: str) -> None:
    target.sql(SYNC)
    target.sql(CREATE_TRIGGER)
    target.sql(change)
    fill(target, 5)
    with pytest.raises(TriggerError, match=f"Trigger sync on public.events {what}"):
        target.run(target.loaded(trigger="sync"))


def test_a_proof_names_the_definition_that_it_counted_by(target) -> None:
    fill(target, 5)
    target.run()
    assert verify(target).verified
    narrower = target.loaded(where="payload <> '' AND id < 3")
    assert verify(target, narrower).verified
    prints = target.sql("SELECT fingerprint, rows_owed FROM sluicegate.proof ORDER BY id")
    assert prints == [
        (target.loaded().definition.fingerprint, 5),
        (narrower.definition.fingerprint, 2),
    ]


def test_counting_pauses_between_its_snapshots_and_stops_when_asked(target) -> None:
    fill(target, 500)
    target.run()
    slept: list[float] = []
    around = target.around(sleep=slept.append)
    counting = proof.Counting(keys=100, sleep=0.05)
    assert proof.verify(target.loaded(), target.url, Pace(100, 0, 30), around, counting=counting).verified
    assert slept == [0.05] * 5
    stopped = proof.verify(target.loaded(), target.url, Pace(100, 0, 30), target.around(stop=lambda: True))
    assert (stopped.verified, stopped.interrupted) == (False, True)


def test_a_writer_that_is_younger_than_the_trigger_holds_no_proof_up(target) -> None:
    target.sql(SYNC)
    target.sql(CREATE_TRIGGER)
    fill(target, 20)
    loaded = target.loaded(trigger="sync")
    target.run(loaded)
    with psycopg.connect(target.url) as late:
        late.execute("INSERT INTO events (payload) VALUES ('late')")
        fill(target, 1)
        assert verify(target, loaded).verified
        late.commit()
    assert (target.missing(), verify(target, loaded).figures.owed) == (0, 22)


def test_a_prepared_transaction_is_a_writer_and_moves_no_mark(tmp_path) -> None:
    settings = {"max_prepared_transactions": "2"}
    with (
        temporary_server(18, settings=settings) as server,
        contextlib.closing(Target(server.url(), tmp_path / "backfills")) as target,
    ):
        target.install()
        fill(target, 20)
        target.run()
        assert verify(target).verified
        with psycopg.connect(target.url) as late:
            late.execute("INSERT INTO events (payload) VALUES ('late')")
            fill(target, 3)
            assert tick(target.loaded(), target.url, Pace(100, 0, 30), target.around(), window=0).above == ("20",)
            late.execute("PREPARE TRANSACTION 'late'")
        server.stop("immediate")
        start(server.data, 18, settings=settings)  # it has another name in pg_locks from now on
        target.reconnect()
        for _ in range(2):
            assert tick(target.loaded(), target.url, Pace(100, 0, 30), target.around(), window=0).above == ("20",)
        with pytest.raises(WritersError) as caught:
            verify(target)
        assert "prepared transaction late (postgres, open for " in caught.value.message
        assert "COMMIT PREPARED or ROLLBACK PREPARED" in caught.value.hint
        target.sql("COMMIT PREPARED 'late'")
        found = tick(target.loaded(), target.url, Pace(100, 0, 30), target.around(), window=0)
        assert (found.found, target.missing()) == (1, 0)


def test_a_row_that_moved_to_a_later_page_is_counted_in_the_one_snapshot_of_the_table(target) -> None:
    """Walked by pages, a row lies wherever its last update put it; the proof sees each row once all the same."""
    target.sql("CREATE TABLE papers (id uuid PRIMARY KEY DEFAULT gen_random_uuid(), body text, size int)")
    target.sql("INSERT INTO papers (body) SELECT repeat('x', 200) FROM generate_series(1, 500)")
    loaded = target.loaded(
        table="public.papers",
        key="ctid",
        where="true",
        done="row.size IS NOT NULL",
        apply="UPDATE papers AS row SET size = length(row.body) WHERE {chunk}",
    )
    target.run(loaded, size=100)
    target.sql("UPDATE papers SET size = NULL, body = repeat('y', 300) WHERE ctid = (SELECT min(ctid) FROM papers)")
    found = verify(target, loaded, requeue=False)
    assert (found.verified, found.figures.owed, found.figures.missing) == (False, 500, 1)
    assert verify(target, loaded).verified

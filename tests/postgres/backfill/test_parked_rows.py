"""A row that cannot be written is set aside with its reason, and everything around it is written."""

from __future__ import annotations

import pytest

from sluicegate.backfill.session import BackfillFailedError

SIDECAR = """
    CREATE TABLE work (
        id bigint PRIMARY KEY, state text NOT NULL, attempts integer NOT NULL, reason text, source_hash text,
        updated_at timestamptz NOT NULL
    );
"""
POISON = {
    "where": "true",
    "apply": "INSERT INTO status SELECT row.id, (100 / (row.payload::int - 7))::text FROM {chunk} AS row",
}


@pytest.fixture(params=["watermark", "sidecar"])
def tracking(request: pytest.FixtureRequest, target) -> dict[str, object]:
    """Both ways of tracking."""
    if request.param == "watermark":
        return {}
    from sluicegate import Sidecar

    target.sql(SIDECAR)
    return {"tracking": Sidecar(table="public.work")}


def test_poison_rows_are_found_by_halving_and_parked_with_their_reason(target, tracking) -> None:
    target.sql("INSERT INTO events (payload) SELECT (n % 100)::text FROM generate_series(1, 500) n")
    target.sql("UPDATE events SET payload = 'seven' WHERE id = 250")
    loaded = target.loaded(**POISON, **tracking)
    assert target.run(loaded, size=200).state == "finished_with_parked"
    assert sorted(target.log.parked_rows, key=lambda row: int(row[0][0])) == [
        (("7",), "division by zero"),
        (("107",), "division by zero"),
        (("207",), "division by zero"),
        (("250",), 'invalid input syntax for type integer: "seven"'),
        (("307",), "division by zero"),
        (("407",), "division by zero"),
    ]
    assert target.value("SELECT count(*) FROM status") == 494
    assert target.doubles() == 0
    assert target.value("SELECT rows_written FROM sluicegate.backfill") == 494
    assert target.value("SELECT rows_parked FROM sluicegate.backfill") == 6
    assert target.value("SELECT mark[1]::int FROM sluicegate.backfill") == 500

    found = target.verify(loaded)
    assert (found.verified, found.figures.done, found.figures.owed) == (False, 494, 500)
    assert found.reasons[("250",)] == 'invalid input syntax for type integer: "seven"'

    target.sql("UPDATE events SET payload = '1' WHERE id IN (SELECT key[1]::bigint FROM sluicegate.parked)")
    assert target.run(loaded, size=200).state == "finished"
    assert target.verify(loaded).verified
    assert (target.value("SELECT count(*) FROM status"), target.doubles()) == (500, 0)


def test_of_a_table_with_a_tenth_of_bad_rows_the_good_ones_are_written_and_the_bad_ones_parked(
    target, tracking, monkeypatch
) -> None:
    monkeypatch.setattr("sluicegate.backfill.recovery.PARKED_LIMIT", 10)
    target.sql("INSERT INTO events (payload) SELECT (n * 7919 % 10 + 7)::text FROM generate_series(1, 200) n")
    loaded = target.loaded(**POISON, **tracking)
    assert target.run(loaded, size=80).state == "finished_with_parked"
    for _ in range(2):
        assert (target.value("SELECT count(*) FROM status"), target.doubles()) == (180, 0)
        assert target.sql(
            "SELECT p.sqlstate, p.reason, count(*), bool_and(e.payload = '7')"
            " FROM sluicegate.parked p JOIN events e ON e.id = p.key[1]::bigint GROUP BY 1, 2"
        ) == [("22012", "division by zero", 20, True)]
        # The proof has the bad rows tried again, all of them in vain, and that is no reason to fail.
        found = target.verify(loaded)
        assert (found.verified, found.figures.done, found.figures.owed) == (False, 180, 200)
        assert set(found.reasons.values()) == {"division by zero"}
        assert target.state() == "finished_with_parked"


def test_rows_repaired_by_hand_need_no_run_to_be_proved(target) -> None:
    target.sql("INSERT INTO events (payload) VALUES ('1'), ('7')")
    loaded = target.loaded(**POISON)
    assert target.run(loaded).state == "finished_with_parked"
    target.sql("INSERT INTO status VALUES (2, 'by hand')")
    assert target.verify(loaded).verified
    assert target.value("SELECT count(*) FROM sluicegate.parked") == 0


def test_when_every_row_is_bad_the_definition_is_to_blame_and_the_run_ends(target, tracking) -> None:
    target.sql("INSERT INTO events (payload) SELECT '7' FROM generate_series(1, 1000)")
    with pytest.raises(BackfillFailedError) as caught:
        target.run(target.loaded(**POISON, **tracking), size=500)
    assert caught.value.message.startswith(
        "Backfill 0003_status failed: 100 rows could not be written, against 0 that could."
    )
    assert target.state() == "failed"


def test_an_error_that_no_row_is_to_blame_for_ends_the_run_at_once(target, tracking) -> None:
    target.sql("INSERT INTO events (payload) SELECT 'x' FROM generate_series(1, 1000)")
    broken = target.loaded(apply="INSERT INTO nowhere SELECT row.id FROM {chunk} AS row", **tracking)
    with pytest.raises(BackfillFailedError) as caught:
        target.run(broken, size=500)
    assert caught.value.message == (
        'Backfill 0003_status failed: relation "nowhere" does not exist (SQLSTATE 42P01). What was committed before '
        "stays, and it resumes there."
    )
    assert caught.value.hint == "Correct the definition or the database. Then: sluicegate backfill run 0003_status"
    assert target.value("SELECT error FROM sluicegate.backfill") == 'relation "nowhere" does not exist (SQLSTATE 42P01)'
    target.sql("CREATE TABLE nowhere (id bigint)")
    assert target.run(broken, size=500).state == "finished"
    assert target.value("SELECT count(*) FROM nowhere") == 1000


def test_other_workers_stop_when_one_fails(target) -> None:
    target.sql("INSERT INTO events (payload) SELECT 'x' FROM generate_series(1, 1000)")

    def fail() -> None:
        target.sql("UPDATE sluicegate.backfill SET state = 'failed'")

    target.log.after_chunk = fail
    outcome = target.run(size=100, pause=0.01)
    assert (outcome.state, target.log.chunks) == ("failed", [100])


def test_without_pauses_a_worker_sees_the_failure_of_another_one_chunk_later(target) -> None:
    target.sql("INSERT INTO events (payload) SELECT 'x' FROM generate_series(1, 1000)")
    target.log.after_chunk = lambda: target.sql("UPDATE sluicegate.backfill SET state = 'failed'")
    outcome = target.run(size=100)
    assert (outcome.state, target.log.chunks) == ("failed", [100, 100])
    assert (target.value("SELECT count(*) FROM status"), target.doubles()) == (200, 0)


def test_a_piece_of_a_chunk_is_followed_by_a_piece_of_the_pause_so_that_bad_rows_do_not_stretch_the_run(
    target, tracking
) -> None:
    slept: list[float] = []
    target.sql("INSERT INTO events (payload) SELECT (n % 10 + 2)::text FROM generate_series(1, 128) n")
    loaded = target.loaded(**POISON, **tracking)
    assert target.run(loaded, size=64, pause=0.1, sleep=slept.append).state == "finished_with_parked"
    # Two chunks, and each of the six levels of their halves sums up to a chunk at most; a single row's pause is 1/64.
    assert len(slept) > 50
    assert min(slept) == pytest.approx(0.1 / 64)
    assert sum(slept) < 2 * 7 * 0.1

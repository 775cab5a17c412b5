"""Finished is not done; verified is. What is missing is found wherever it lies, and the gate opens on proof alone."""

from __future__ import annotations

import psycopg
import pytest

from sluicegate import Sidecar
from sluicegate.errors import UsageError


def fill(target, rows: int) -> None:
    """Insert events that are all owed work."""
    target.sql("INSERT INTO events (payload) SELECT 'x' FROM generate_series(1, %s)", rows)


def gate(target, name: str = "0003") -> str:
    """Ask the gate; return ``open`` or why it is closed."""
    try:
        target.sql("SELECT sluicegate.require_backfill(%s)", name)
    except psycopg.Error as error:
        diagnosis = error.diag
        return f"{error.sqlstate}: {diagnosis.message_primary}. {diagnosis.message_detail} {diagnosis.message_hint}"
    return "open"


def test_the_gate_opens_only_after_verification(target_both) -> None:
    target = target_both
    fill(target, 250)
    assert gate(target) == (
        "SG001: the gate is closed: backfill 0003 has never run in this database. Schema sluicegate holds no backfill "
        "of that name or number. Run: sluicegate backfill run 0003. Run: sluicegate backfill verify 0003. Then run "
        "this revision again."
    )
    target.run()
    assert gate(target) == (
        'SG001: the gate is closed: backfill 0003_status is not verified. Its state is "finished"; nothing proves that '
        "no row is missing. Run: sluicegate backfill verify 0003_status. Then run this revision again."
    )
    found = target.verify()
    assert (found.verified, found.figures.done, found.figures.owed, found.requeued) == (True, 250, 250, 0)
    assert (gate(target), gate(target, "0003_status"), target.state()) == ("open", "open", "verified")


def test_a_gate_waits_for_every_backfill_of_its_number(target) -> None:
    fill(target, 10)
    target.run()
    target.verify()
    target.run(target.loaded("0003_other"))
    assert gate(target).startswith("SG001: the gate is closed: backfill 0003_other is not verified")
    assert gate(target, "0003_status") == "open"


def test_rows_committed_late_below_the_mark_are_found_and_worked_off(target) -> None:
    fill(target, 300)
    with psycopg.connect(target.url) as late:
        late.execute("INSERT INTO events (payload) SELECT 'late' FROM generate_series(1, 5)")
        fill(target, 300)
        target.run(size=100)
        late.commit()
    assert (target.state(), target.missing()) == ("finished", 5)
    found = target.verify()
    assert (found.verified, found.requeued, found.figures.owed) == (True, 5, 605)
    assert "5 rows are missing; they are worked off now." in target.log.notes
    assert (target.missing(), target.doubles()) == (0, 0)
    assert target.value("SELECT mark[1]::int FROM sluicegate.backfill") == 605


def test_rows_inserted_above_the_upper_bound_after_the_run_are_owed_too(target) -> None:
    fill(target, 120)
    target.run()
    fill(target, 30)
    found = target.verify(requeue=False)
    assert (found.verified, found.figures.missing, found.missing_keys[:2]) == (False, 30, (("121",), ("122",)))
    assert target.run().state == "finished"
    assert target.verify().verified


def test_a_proof_is_withdrawn_when_rows_are_missing_later(target) -> None:
    fill(target, 100)
    target.run()
    assert target.verify().verified
    target.sql("DELETE FROM status WHERE event_id = 50")
    assert gate(target) == "open"  # nobody has looked yet
    found = target.verify(requeue=False)
    assert (found.verified, found.missing_keys, target.state()) == (False, (("50",),), "finished")
    assert gate(target).startswith("SG001: the gate is closed")
    assert target.verify().verified
    assert (target.missing(), target.doubles()) == (0, 0)


def test_working_off_later_rows_withdraws_the_proof_until_it_is_made_again(target) -> None:
    fill(target, 100)
    target.run()
    target.verify()
    assert target.run().worked is False
    assert gate(target) == "open"
    fill(target, 10)
    assert target.run().state == "finished"
    assert gate(target).startswith("SG001: the gate is closed")


def test_what_can_never_be_done_is_named_and_the_loop_ends(target) -> None:
    fill(target, 50)
    target.run()
    target.sql("DELETE FROM status WHERE event_id IN (7, 9)")
    target.sql("CREATE FUNCTION skip() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN RETURN NULL; END'")
    target.sql("CREATE TRIGGER skip BEFORE INSERT ON status FOR EACH ROW EXECUTE FUNCTION skip()")
    found = target.verify()
    assert (found.verified, found.figures.missing, found.missing_keys) == (False, 2, (("7",), ("9",)))


def test_a_backfill_with_nothing_to_do_is_verified_without_a_run(target) -> None:
    assert target.verify().verified
    assert gate(target) == "open"


def test_verification_of_a_backfill_that_never_ran_says_what_is_missing(target) -> None:
    fill(target, 5)
    found = target.verify()
    assert (found.verified, found.state, found.figures.missing) == (False, "planned", 5)
    assert len(found.missing_keys) == 5


def test_a_row_about_which_done_says_nothing_is_missing(target) -> None:
    """`done` may be NULL; NOT (NULL) is NULL, and such a row must not pass for done."""
    target.sql("ALTER TABLE events ADD COLUMN ok boolean")
    fill(target, 10)
    apply = "UPDATE events SET ok = true FROM {chunk} AS row WHERE events.id = row.id"
    loaded = target.loaded(where="true", done="row.ok", apply=apply)
    assert target.verify(loaded, requeue=False).figures.missing == 10
    target.run(loaded)
    assert target.verify(loaded).verified


def test_texts_with_percent_signs_comments_and_braces_reach_the_server_as_they_are(target) -> None:
    target.sql("INSERT INTO events (payload) VALUES ('100%'), ('50% {chunk}'), ('none')")
    loaded = target.loaded(
        where="payload LIKE '%\\%%' -- a comment",
        done="EXISTS (SELECT 1 FROM status AS s WHERE s.event_id = row.id AND s.state LIKE '%s') -- another",
        apply="INSERT INTO status SELECT row.id, '%s' FROM {chunk} AS row -- and {chunk} here",
    )
    target.run(loaded)
    assert target.verify(loaded).verified
    assert target.sql("SELECT event_id, state FROM status ORDER BY 1") == [(1, "%s"), (2, "%s")]


def test_a_changed_definition_is_not_mixed_with_what_the_former_one_wrote(target) -> None:
    fill(target, 300)
    target.run(stop=lambda: len(target.log.chunks) > 0)
    changed = target.loaded(apply="INSERT INTO status SELECT row.id, 'new' FROM {chunk} AS row")
    with pytest.raises(UsageError) as caught:
        target.run(changed)
    assert caught.value.message.endswith(
        "0003_status.py was changed since this backfill began, so what is finished and what is left are not of one "
        "kind."
    )
    assert target.run(changed, restart=True).state == "finished"
    assert target.sql("SELECT state, count(*) FROM status GROUP BY 1 ORDER BY 1") == [("new", 200), ("pending", 100)]


def test_a_backfill_that_comes_after_another_waits_for_its_proof(target) -> None:
    fill(target, 10)
    second = target.loaded("0004_second", after=("0003",))
    with pytest.raises(UsageError, match="Backfill 0004_second comes after 0003, and 0003 has never run here"):
        target.run(second)
    target.run()
    with pytest.raises(UsageError, match="comes after 0003, and 0003_status is finished, not verified"):
        target.run(second)
    target.verify()
    assert target.run(second).state == "finished"


def test_rows_that_have_it_already_are_left_alone(target) -> None:
    """A sync trigger may have been faster; the unique index would refuse a second row."""
    fill(target, 1000)
    target.sql("CREATE UNIQUE INDEX ON status (event_id)")
    target.sql("INSERT INTO status SELECT id, 'trigger' FROM events WHERE id % 3 = 0 OR id > 900")
    assert target.run(size=100).state == "finished"
    assert target.log.parked_rows == []
    assert target.sql("SELECT state, count(*) FROM status GROUP BY 1 ORDER BY 1") == [
        ("pending", 600),
        ("trigger", 400),
    ]


DONES = {
    "exists": "EXISTS (SELECT 1 FROM status AS s WHERE s.event_id = row.id)",
    "exists and more": "EXISTS (SELECT 1 FROM status AS s WHERE row.id = s.event_id AND s.state = 'pending')",
    "a count": "EXISTS (SELECT 1 FROM status AS s WHERE s.event_id = row.id HAVING count(*) > 0)",
    "outer join": "EXISTS (SELECT 1 FROM (SELECT 1) AS one LEFT JOIN status AS s ON s.event_id = row.id"
    " WHERE s.event_id IS NOT NULL)",
    "in": "row.id IN (SELECT event_id FROM status)",
    "other type": "EXISTS (SELECT 1 FROM status AS s WHERE s.event_id::numeric = row.id)",
}


@pytest.mark.parametrize("form", DONES)
@pytest.mark.parametrize("statistics", [True, False])
def test_every_way_to_say_done_finds_the_same_rows(target, form: str, statistics: bool) -> None:
    fill(target, 500)
    target.sql("INSERT INTO status SELECT id, 'pending' FROM events WHERE id % 5 = 0 AND id < 300")
    if statistics:
        target.sql("ANALYZE")
    loaded = target.loaded(where="true", done=DONES[form])
    target.run(loaded, size=90)
    assert target.verify(loaded).verified
    assert (target.value("SELECT count(*) FROM status"), target.doubles()) == (500, 0)


@pytest.mark.parametrize("tracking", ["watermark", "sidecar"])
def test_the_base_table_itself_is_changed_by_a_condition(target, tracking: str) -> None:
    target.sql("ALTER TABLE events ADD COLUMN size int")
    target.sql("INSERT INTO events (payload) SELECT repeat('é', n % 4) FROM generate_series(1, 100) AS n")
    changes = {}
    if tracking == "sidecar":
        target.sql(
            "CREATE TABLE work (id bigint PRIMARY KEY, state text NOT NULL, attempts int NOT NULL, reason text,"
            " source_hash text, updated_at timestamptz NOT NULL)"
        )
        changes = {"tracking": Sidecar(table="public.work")}
    loaded = target.loaded(
        done="row.size IS NOT NULL",
        apply="UPDATE events AS row SET size = length(row.payload) WHERE /* é */ {chunk} AND '{chunk}' <> ''",
        **changes,
    )
    assert target.run(loaded, size=30).state == "finished"
    assert target.sql("SELECT size, count(*) FROM events GROUP BY size ORDER BY size") == [
        *[(1, 25), (2, 25), (3, 25)],
        (None, 25),
    ]
    assert target.value("SELECT rows_written FROM sluicegate.backfill") == 75
    assert target.verify(loaded).verified


def test_composite_keys_draw_the_same_conclusions(target) -> None:
    target.sql("CREATE TABLE pairs (a int, b int, PRIMARY KEY (a, b)); CREATE TABLE found (a int, b int)")
    target.sql("INSERT INTO pairs SELECT n % 7, n FROM generate_series(1, 500) n")
    target.sql("INSERT INTO found SELECT a, b FROM pairs WHERE b % 3 = 0")
    loaded = target.loaded(
        table="public.pairs",
        key=("a", "b"),
        where="true",
        done="EXISTS (SELECT 1 FROM found AS f WHERE f.a = row.a AND f.b = row.b)",
        apply="INSERT INTO found SELECT row.a, row.b FROM {chunk} AS row",
    )
    target.run(loaded, size=30)
    assert target.verify(loaded).verified
    assert target.value("SELECT count(*) - count(DISTINCT (a, b)) FROM found") == 0


@pytest.mark.parametrize("kind", ["smallint", "integer", "bigint"])
def test_dense_whole_numbers_up_to_their_ends_are_counted_instead_of_walked(target, kind: str) -> None:
    bits = {"smallint": 15, "integer": 31, "bigint": 63}[kind]
    target.sql(f"CREATE TABLE walked (id {kind} PRIMARY KEY); CREATE TABLE seen (id {kind})")
    for start, end in ((-(2**bits), 350 - 2**bits), (2**bits - 350, 2**bits - 1)):
        target.sql("TRUNCATE walked, seen")
        target.sql("INSERT INTO walked SELECT n FROM generate_series(%s::numeric, %s) AS n", start, end)
        target.sql("DELETE FROM walked WHERE id BETWEEN %s AND %s", end - 100, end - 60)
        target.sql("ANALYZE walked")
        walk(target)


def walk(target) -> None:
    """Fill ``seen`` from ``walked`` and prove it."""
    loaded = target.loaded(
        table="public.walked",
        where="true",
        done="EXISTS (SELECT 1 FROM seen WHERE seen.id = row.id)",
        apply="INSERT INTO seen SELECT row.id FROM {chunk} AS row",
    )
    target.run(loaded, size=40, restart=True)
    assert max(target.log.chunks) <= 40
    assert target.verify(loaded).verified
    assert target.value("SELECT count(*) - count(DISTINCT id) FROM seen") == 0

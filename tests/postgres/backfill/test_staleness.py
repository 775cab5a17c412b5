"""A row whose source changed after it was done is found, owed again and done again; orphans are counted and cleaned."""

from __future__ import annotations

import psycopg

from sluicegate import Sidecar
from sluicegate.backfill.engine import Pace
from sluicegate.verify import orphans
from sluicegate.verify.tick import tick

DOCUMENTS = """
    CREATE TABLE documents (tenant uuid, id int, body text, PRIMARY KEY (tenant, id));
    CREATE TABLE lengths (tenant uuid, id int, length int, PRIMARY KEY (tenant, id));
    CREATE TABLE work (
        tenant uuid NOT NULL, id int NOT NULL, state text NOT NULL, attempts integer NOT NULL, reason text,
        source_hash text, updated_at timestamptz NOT NULL, PRIMARY KEY (tenant, id)
    );
    INSERT INTO documents SELECT md5((n % 3)::text)::uuid, n, repeat('x', n) FROM generate_series(1, 90) n;
"""
DEFINITION = {
    "table": "public.documents",
    "key": ("tenant", "id"),
    "where": "true",
    "done": "EXISTS (SELECT 1 FROM lengths AS l WHERE l.tenant = row.tenant AND l.id = row.id)",
    "apply": "INSERT INTO lengths SELECT row.tenant, row.id, length(row.body) FROM {chunk} AS row"
    " ON CONFLICT (tenant, id) DO UPDATE SET length = excluded.length",
    "tracking": Sidecar(table="public.work", source="row.body"),
}


def wrong(target) -> int:
    """How many results do not fit their source."""
    return target.value(
        "SELECT count(*) FROM documents d JOIN lengths l USING (tenant, id) WHERE length <> length(body)"
    )


def test_rows_whose_source_changed_are_missing_and_done_again(target_both) -> None:
    target = target_both
    target.sql(DOCUMENTS)
    loaded = target.loaded(**DEFINITION)
    target.run(loaded, size=20)
    assert target.verify(loaded).verified
    target.sql("UPDATE documents SET body = body || '%' WHERE id IN (5, 50)")
    target.sql("UPDATE documents SET body = NULL WHERE id = 7")
    found = target.verify(loaded, requeue=False)
    assert (found.verified, found.figures.missing, sorted(key[1] for key in found.missing_keys)) == (
        False,
        3,
        ["5", "50", "7"],
    )
    assert wrong(target) == 2
    found = target.verify(loaded, size=20)
    assert (found.verified, found.requeued, wrong(target)) == (True, 3, 0)
    assert target.value("SELECT count(*) FROM lengths WHERE length IS NULL") == 1
    assert target.value("SELECT count(*) FROM work WHERE attempts = 2") == 3


def test_a_source_that_changes_between_its_reading_and_its_mark_is_stale(target) -> None:
    """The hash is taken before the work, so that the change cannot slip in between."""
    target.sql(DOCUMENTS)
    target.sql(
        "CREATE TABLE signal (); CREATE FUNCTION slow() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN"
        " IF NEW.id = 42 THEN PERFORM pg_advisory_xact_lock(1); END IF; RETURN NEW; END $$;"
        " CREATE TRIGGER slow BEFORE INSERT ON lengths FOR EACH ROW EXECUTE FUNCTION slow()"
    )
    loaded = target.loaded(**DEFINITION)
    target.write_file(**DEFINITION)
    with psycopg.connect(target.url) as holder:
        holder.execute("SELECT pg_advisory_xact_lock(1)")
        with target.started("run", "0003") as run:
            target.wait_until("EXISTS (SELECT 1 FROM pg_locks WHERE locktype = 'advisory' AND NOT granted)")
            target.sql("UPDATE documents SET body = 'other' WHERE id = 42")
            holder.commit()
            run.communicate(timeout=60)
    assert wrong(target) == 1
    assert target.verify(loaded, requeue=False).missing_keys[0][1] == "42"
    assert target.verify(loaded).verified
    assert wrong(target) == 0


def test_orphans_are_counted_and_removed_on_request(target) -> None:
    target.sql(DOCUMENTS)
    loaded = target.loaded(**DEFINITION)
    target.run(loaded, size=20)
    assert orphans.count(loaded, target.url, size=20) == 0
    target.sql("DELETE FROM documents WHERE id % 10 = 0")
    assert orphans.count(loaded, target.url, size=7) == 9
    assert orphans.clean(loaded, target.url, Pace(7, 0, 30), target.around()) == 9
    assert (orphans.count(loaded, target.url, size=20), target.value("SELECT count(*) FROM work")) == (0, 81)
    assert target.verify(loaded).verified


def test_a_tick_looks_for_changed_sources_where_it_is_asked_to(target) -> None:
    target.sql(DOCUMENTS)
    loaded = target.loaded(**DEFINITION)
    target.run(loaded, size=20)
    assert target.verify(loaded).verified
    target.sql("UPDATE documents SET body = 'new' WHERE id = 5")
    pace = Pace(20, 0, 30)
    assert tick(loaded, target.url, pace, target.around(), window=0).found == 0
    found = tick(loaded, target.url, pace, target.around(), window=0, whole=True)
    assert (found.found, found.left, found.proof_withdrawn, wrong(target)) == (1, 0, True, 0)


def test_rows_deleted_and_keys_changed_while_it_runs_do_not_confuse_it(target) -> None:
    target.sql(DOCUMENTS)
    changes = iter(["DELETE FROM documents WHERE id = 80", "UPDATE documents SET id = -id WHERE id IN (70, 71)"])
    target.log.after_chunk = lambda: target.sql(next(changes, "SELECT 1"))
    loaded = target.loaded(**DEFINITION)
    target.run(loaded, size=10)
    assert target.verify(loaded).verified
    assert (wrong(target), target.value("SELECT count(*) FROM documents")) == (0, 89)
    assert orphans.count(loaded, target.url, size=20) == target.value("SELECT count(*) - 89 FROM work")

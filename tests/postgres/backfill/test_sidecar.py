"""A sidecar holds a state per key beside the base table; workers share its keys; nothing is added to the base table."""

from __future__ import annotations

import pytest

from sluicegate import Sidecar
from sluicegate.backfill.preflight import PreflightError

WORK = """
    CREATE TABLE documents (tenant uuid, name text, body text, PRIMARY KEY (tenant, name));
    CREATE TABLE work (
        tenant uuid NOT NULL, doc text NOT NULL, state text NOT NULL, attempts integer NOT NULL, reason text,
        source_hash text, updated_at timestamptz NOT NULL, PRIMARY KEY (tenant, doc)
    );
    CREATE TABLE lengths (tenant uuid, name text, length int);
    INSERT INTO documents SELECT md5((n % 5)::text)::uuid, 'doc''s %' || n, repeat('x', n)
        FROM generate_series(0, 299) n;
"""
DEFINITION = {
    "table": "public.documents",
    "key": ("tenant", "name"),
    "where": "body <> ''",
    "done": "EXISTS (SELECT 1 FROM lengths AS l WHERE (l.tenant, l.name) = (row.tenant, row.name))",
    "apply": "INSERT INTO lengths SELECT row.tenant, row.name, length(row.body) FROM {chunk} AS row",
    "tracking": Sidecar(table="public.work", key=("tenant", "doc"), source="row.body"),
}


def figures(target) -> list[tuple[str, int]]:
    """States of the sidecar with their counts."""
    return target.sql("SELECT state, count(*) FROM work GROUP BY 1 ORDER BY 1")


def test_keys_are_listed_worked_off_and_proved(target_both) -> None:
    target = target_both
    target.sql(WORK)
    loaded = target.loaded(**DEFINITION)
    assert target.run(loaded, size=40).state == "finished"
    assert figures(target) == [("done", 299)]
    assert target.value("SELECT count(*) FROM lengths") == 299
    assert target.value("SELECT count(DISTINCT (tenant, name)) FROM lengths") == 299
    assert target.value(
        "SELECT bool_and(w.source_hash = md5(d.body)) FROM work w"
        " JOIN documents d ON (d.tenant, d.name) = (w.tenant, w.doc)"
    )
    assert target.value("SELECT rows_written FROM sluicegate.backfill") == 299
    assert target.verify(loaded).verified


def test_rows_that_lost_their_result_are_listed_again(target) -> None:
    target.sql(WORK)
    loaded = target.loaded(**DEFINITION)
    target.run(loaded, size=40)
    target.sql("DELETE FROM lengths WHERE length BETWEEN 100 AND 109")
    found = target.verify(loaded, size=40)
    assert (found.verified, found.requeued) == (True, 10)
    assert target.value("SELECT count(*) FROM lengths") == 299


NUMBERED = """
    CREATE TABLE numbers (id bigint PRIMARY KEY, body text) WITH (autovacuum_enabled = off);
    CREATE TABLE squares (id bigint PRIMARY KEY, square bigint) WITH (autovacuum_enabled = off);
    CREATE TABLE work (
        id bigint PRIMARY KEY, state text NOT NULL, attempts integer NOT NULL, reason text, source_hash text,
        updated_at timestamptz NOT NULL
    ) WITH (autovacuum_enabled = off);
    CREATE INDEX ON work (id) WHERE state = 'pending';
    INSERT INTO numbers SELECT n, repeat('x', 50) FROM generate_series(1, 20000) AS n;
    ANALYZE numbers
"""
SQUARES = {
    "table": "public.numbers",
    "key": "id",
    "where": "true",
    "done": "EXISTS (SELECT 1 FROM squares AS s WHERE s.id = row.id)",
    "apply": "INSERT INTO squares SELECT row.id, row.id * row.id FROM {chunk} AS row",
    "tracking": Sidecar(table="public.work"),
}


def test_a_chunk_of_keys_reads_its_own_range_where_no_table_has_statistics(target) -> None:
    target.sql(NUMBERED)
    assert target.run(target.loaded(**SQUARES), size=1000).state == "finished"
    target.sql("SELECT pg_stat_force_next_flush()")
    read = "SELECT sum(seq_tup_read) FROM pg_stat_user_tables WHERE relname IN ('work', 'squares')"
    assert target.value(read) < 20_000  # joined with all of it, each of the twenty chunks would read all of it
    assert target.value("SELECT count(*) FROM squares WHERE square = id * id") == 20_000
    assert figures(target) == [("done", 20_000)]


def test_a_key_that_is_put_back_behind_the_worker_is_worked_off(target) -> None:
    target.sql(NUMBERED)

    def put_back() -> None:
        if target.value("SELECT count(*) FROM work WHERE state = 'done'") == 3000:
            target.sql("DELETE FROM squares WHERE id = 7; UPDATE work SET state = 'pending' WHERE id = 7")

    target.log.after_chunk = put_back
    assert target.run(target.loaded(**SQUARES), size=1000).state == "finished"
    assert target.value("SELECT count(*) FROM squares") == 20_000
    assert figures(target) == [("done", 20_000)]


def test_two_workers_share_the_keys(target) -> None:
    target.sql(WORK)
    target.write_file(**DEFINITION)
    arguments = ("run", "0003", "--batch-size", "10", "--sleep", "0.02")
    with target.started(*arguments) as one, target.started(*arguments) as other:
        ends = [process.communicate(timeout=60) for process in (one, other)]
        assert [one.returncode, other.returncode] == [0, 0], ends
    assert target.value("SELECT count(*) - count(DISTINCT (tenant, name)) FROM lengths") == 0
    assert figures(target) == [("done", 299)]


def test_rows_deleted_between_listing_and_work_fall_out(target) -> None:
    target.sql(WORK)
    target.log.after_chunk = lambda: target.sql("DELETE FROM documents WHERE length(body) = 150")
    loaded = target.loaded(**DEFINITION)
    assert target.run(loaded, size=400).state == "finished"
    assert target.verify(loaded).verified
    assert target.value("SELECT count(*) FROM lengths") == 298


def test_a_sidecar_that_is_missing_or_different_is_refused_with_its_text(target) -> None:
    target.sql(WORK)
    target.sql("ALTER TABLE work RENAME TO other")
    loaded = target.loaded(**DEFINITION)
    with pytest.raises(PreflightError) as caught:
        target.run(loaded)
    assert caught.value.message == "There is no sidecar table public.work."
    create = caught.value.hint.removeprefix("Create it in the expand revision: ")
    assert create == (
        "CREATE TABLE public.work (tenant uuid NOT NULL, doc text NOT NULL, state text NOT NULL, attempts integer NOT "
        "NULL, reason text, source_hash text, updated_at timestamp with time zone NOT NULL, PRIMARY KEY (tenant, doc));"
        " CREATE INDEX ON public.work (tenant, doc) WHERE state = 'pending';"
    )
    target.sql(create)
    assert target.run(loaded).state == "finished"
    target.sql("ALTER TABLE work ALTER attempts TYPE text")
    with pytest.raises(PreflightError, match=r"Column attempts of sidecar public\.work is text, not integer\."):
        target.run(loaded)

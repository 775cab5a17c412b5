"""A table walked by its pages: every row once, rows that move are found by the proof, a rewrite ends the run."""

from __future__ import annotations

import psycopg
import pytest
from psycopg import sql

from sluicegate.backfill import preflight
from sluicegate.backfill.chunks import Range
from sluicegate.backfill.definition import Backfill, DefinitionError
from sluicegate.backfill.engine import Pace
from sluicegate.backfill.session import BackfillFailedError
from sluicegate.backfill.statements import bound_parameters
from sluicegate.errors import UsageError
from sluicegate.verify.tick import tick

UPDATE = "UPDATE papers AS row SET size = length(row.body) WHERE {chunk}"


def papers(target, rows: int = 2000, *, analysed: bool = True) -> None:
    """A table with random keys; about 40 rows to a page."""
    target.sql("CREATE TABLE papers (id uuid PRIMARY KEY, body text, size int) WITH (autovacuum_enabled = false)")
    target.sql(f"INSERT INTO papers SELECT md5(n::text)::uuid, repeat('x', 150) FROM generate_series(1, {rows}) n")
    if analysed:
        target.sql("ANALYZE papers")


def by_page(target, **changes):
    """A backfill that walks it by page."""
    given = {"table": "public.papers", "key": "ctid", "where": "true", "done": "row.size IS NOT NULL", "apply": UPDATE}
    return target.loaded(**{**given, **changes})


@pytest.mark.parametrize("analysed", [True, False])
def test_every_row_is_done_once_in_chunks_of_about_the_size_asked_for(target_both, analysed: bool) -> None:
    target = target_both
    papers(target, analysed=analysed)
    target.sql("ALTER TABLE papers ADD COLUMN times int NOT NULL DEFAULT 0")
    loaded = by_page(target, apply="UPDATE papers AS row SET size = 1, times = row.times + 1 WHERE {chunk}")
    assert target.run(loaded, size=400).state == "finished"
    assert target.sql("SELECT size, times, count(*) FROM papers GROUP BY 1, 2") == [(1, 1, 2000)]
    assert (len(target.log.chunks), sum(target.log.chunks)) == (5, 2000)
    assert max(target.log.chunks) <= 440
    found = target.verify(loaded)
    assert (found.verified, found.figures.owed, found.figures.missing) == (True, 2000, 0)
    assert not target.run(loaded, size=400).worked or target.verify(loaded).verified


JOIN = "UPDATE papers AS p SET size = length(row.body) FROM {chunk} AS row WHERE p.ctid = row.ctid"


@pytest.mark.parametrize("apply", [UPDATE, JOIN])
def test_the_server_reads_only_the_chunks_pages(target, apply: str) -> None:
    papers(target)
    with psycopg.connect(target.url) as connection:
        statements = preflight.inspect(connection, by_page(target, apply=apply).definition).statements
        keys = Range(("(3,0)",), ("(9,0)",))
        cursor = psycopg.ClientCursor(connection)
        cursor.execute(sql.SQL("EXPLAIN {}").format(statements.apply(keys)), bound_parameters(keys))
        plan = [line.split("  (cost")[0].strip().removeprefix("->  ") for [line] in cursor.fetchall()]
    assert plan.count('Tid Range Scan on papers "row"') == 1
    assert not any("Seq Scan" in line for line in plan), plan
    assert target.run(by_page(target, apply=apply), size=400).state == "finished"
    target.write_file(table="public.papers", key="ctid", where="true", done="row.size IS NOT NULL", apply=apply)
    checked = target.process("check", "0003", "--batch-size", "400")
    assert (checked.returncode, checked.stderr) == (0, "")


def test_rows_that_move_behind_the_mark_are_found_by_the_proof(target) -> None:
    papers(target)
    target.sql("DELETE FROM papers WHERE ctid < '(3,0)'")
    target.sql("VACUUM papers")
    before = target.value("SELECT count(*) FROM papers")
    moved = []

    def move() -> None:
        if not moved:
            # The free space at the table's beginning takes new versions of rows that the walk has not reached.
            moved.extend(
                target.sql("UPDATE papers SET body = 'y' WHERE ctid >= '(40,0)' AND ctid < '(42,0)' RETURNING id")
            )

    target.log.after_chunk = move
    loaded = by_page(target)
    assert target.run(loaded, size=400).state == "finished"
    target.log.after_chunk = lambda: None
    assert moved
    assert target.value("SELECT count(*) FROM papers WHERE size IS NULL") > 0
    assert target.verify(loaded).verified
    assert target.value("SELECT count(*) FROM papers WHERE size IS NOT NULL") == before


def test_bad_rows_are_found_by_halving_pages(target) -> None:
    papers(target, 300)
    target.sql("UPDATE papers SET body = 'bad' WHERE id IN (SELECT id FROM papers ORDER BY ctid OFFSET 100 LIMIT 1)")
    loaded = by_page(target, apply="UPDATE papers AS row SET size = 1 / (length(row.body) - 3) * 0 + 1 WHERE {chunk}")
    assert target.run(loaded, size=100).state == "finished_with_parked"
    assert target.value("SELECT count(*) FROM papers WHERE size IS NULL") == 1
    assert [reason for _key, reason in target.log.parked_rows] == ["division by zero"]


def test_a_table_that_is_rewritten_meanwhile_ends_the_run_and_is_planned_anew(target) -> None:
    papers(target)
    rewritten = []

    def rewrite() -> None:
        if not rewritten:
            rewritten.append(target.sql("VACUUM FULL papers"))

    target.log.after_chunk = rewrite
    loaded = by_page(target)
    with pytest.raises(BackfillFailedError) as caught:
        target.run(loaded, size=400, pause=0.01)
    assert caught.value.message == (
        "Backfill 0003_status failed: public.papers was rewritten (VACUUM FULL, CLUSTER, TRUNCATE or ALTER TABLE) "
        "while it was walked by page, so its rows lie elsewhere now. What was committed before stays, and it resumes "
        "there."
    )
    done = target.value("SELECT count(*) FROM papers WHERE size IS NOT NULL")
    assert 0 < done < 2000
    with pytest.raises(UsageError, match="of file"):
        target.run(loaded, size=400)
    assert target.run(loaded, size=400, restart=True).state == "finished"
    assert target.value("SELECT rows_written FROM sluicegate.backfill") == 2000 - done
    assert target.verify(loaded).verified


def test_what_pages_cannot_do_is_refused(target) -> None:
    with pytest.raises(DefinitionError, match="it lies elsewhere after every change"):
        by_page(target, key=("ctid", "id"))
    target.sql("CREATE TABLE papers (id uuid PRIMARY KEY, body text, size int) PARTITION BY HASH (id)")
    with pytest.raises(UsageError, match="each partition has pages of its own"):
        target.run(by_page(target))
    target.sql("DROP TABLE papers")
    papers(target, 10)
    loaded = by_page(target)
    target.run(loaded)
    target.verify(loaded)
    with pytest.raises(UsageError, match="new rows lie on any page"):
        tick(loaded, target.url, Pace(100, 0, 30), target.around(), window=10)
    assert isinstance(loaded.definition, Backfill)

"""Where a history begins: an empty database, one with pgvector, or one that had tables already."""

from __future__ import annotations

from sluicegate.capture.model import CapturedRevision, CapturedStatement, CaptureMode
from sluicegate.catalog.dump import load_script
from sluicegate.findings import Location
from sluicegate.lint.start import starting_point

PLACE = Location("v.py")


def history(*revisions: str) -> list[CapturedRevision]:
    found = []
    for number, sql in enumerate(revisions):
        statements = tuple(CapturedStatement(text, PLACE, PLACE, 1) for text in sql.split(";") if text.strip())
        parents = (str(number - 1),) if number else ()
        found.append(CapturedRevision(str(number), parents, f"{number}.py", CaptureMode.RECORDED, statements))
    return found


def start(*revisions: str):
    return starting_point(load_script("", version=16), history(*revisions))


def test_pgvector_is_there_where_no_revision_creates_it():
    assert "vector" in start("CREATE TABLE t (e vector(3))", "SELECT 1").extensions


def test_pgvector_is_not_there_before_the_revision_that_creates_it():
    assert "vector" not in start("CREATE EXTENSION IF NOT EXISTS vector; CREATE TABLE t (e vector(3))").extensions


def test_a_history_that_makes_its_tables_is_complete():
    catalog = start("CREATE TABLE t (n int)", "ALTER TABLE t RENAME TO u", "CREATE INDEX i ON u (n)", "SELECT 1")
    assert catalog.complete


def test_an_old_revision_over_an_unknown_table_means_that_there_were_tables_before():
    assert not start("ALTER TABLE users ADD COLUMN n int", "CREATE TABLE t (n int)").complete


def test_the_newest_revision_is_more_likely_wrong_than_the_history_incomplete():
    assert start("CREATE TABLE users (n int)", "ALTER TABLE user ADD COLUMN m int").complete
    assert start("CREATE TABLE users (n int)", 'ALTER TABLE "usres" ADD COLUMN m int').complete


def test_if_exists_catalogs_and_with_clauses_prove_nothing():
    catalog = start(
        "ALTER TABLE IF EXISTS users ADD COLUMN n int; CREATE TABLE t (n int);"
        "UPDATE t SET n = 1 FROM pg_class; WITH c AS (SELECT 1) UPDATE t SET n = 2 FROM c",
        "SELECT 1",
    )
    assert catalog.complete


def test_sql_that_does_not_parse_is_left_to_the_judge():
    assert start("ALTER TABL x", "SELECT 1").complete

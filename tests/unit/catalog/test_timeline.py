"""Schema and session move with transactions, savepoints and settings as on a server."""

from __future__ import annotations

import pytest

from sluicegate.catalog.model import Catalog, Name
from sluicegate.catalog.replay.apply import STEPS
from sluicegate.catalog.session import Session
from sluicegate.catalog.timeline import Timeline, follow
from sluicegate.statements.parse import parse_script, parse_statement


def after(sql: str) -> Timeline:
    timeline = Timeline(Catalog(), Session())
    timeline.run(parse_script(sql))
    return timeline


def tables(timeline: Timeline) -> list[str]:
    return [str(name) for name in timeline.catalog.relations]


def test_rollback_takes_the_schema_and_the_settings_back():
    timeline = after("BEGIN; CREATE TABLE a (x int); SET timezone = 'Asia/Tokyo'; ROLLBACK")
    assert (tables(timeline), timeline.session) == ([], Session())


def test_rollback_to_a_savepoint_takes_back_what_came_after_it():
    timeline = after(
        "BEGIN; CREATE TABLE a (x int); SAVEPOINT s; CREATE TABLE b (x int); ROLLBACK TO s;"
        "CREATE TABLE c (x int); COMMIT"
    )
    assert tables(timeline) == ["public.a", "public.c"]


def test_a_released_savepoint_keeps_its_work():
    timeline = after("BEGIN; SAVEPOINT s; CREATE TABLE a (x int); RELEASE s; COMMIT")
    assert tables(timeline) == ["public.a"]


def test_set_local_ends_with_its_transaction_and_set_stays():
    timeline = after("BEGIN; SET LOCAL timezone = 'Asia/Tokyo'; SET search_path = app, public; COMMIT")
    assert timeline.session == Session(search_path=("app", "public"))
    inside = after("BEGIN; SET LOCAL timezone = 'Asia/Tokyo'")
    assert (inside.session.timezone, inside.session.in_transaction) == ("Asia/Tokyo", True)
    assert after("SET LOCAL timezone = 'Asia/Tokyo'").session == Session()


def test_search_path_decides_where_things_are_made():
    timeline = after(
        'CREATE SCHEMA app; SET search_path TO "$user", app; CREATE TABLE a (x int);'
        "SELECT pg_catalog.set_config('search_path', '', false); CREATE TABLE public.b (x int); RESET search_path;"
        "CREATE TABLE c (x int); CREATE TEMP TABLE d (x int)"
    )
    assert tables(timeline) == ["app.a", "public.b", "public.c", "pg_temp.d"]


def test_the_catalog_that_was_handed_out_does_not_change():
    timeline = after("CREATE TABLE a (x int)")
    before = timeline.catalog
    timeline.run(parse_script("ALTER TABLE a ADD y int; DROP TABLE a"))
    assert list(before.relations[Name("public", "a")].columns) == ["x"]


def test_each_statement_outside_a_block_is_a_transaction_of_its_own():
    timeline = after("CREATE TABLE a (x int); BEGIN; CREATE TABLE b (x int); CREATE TABLE c (x int); COMMIT")
    numbers = [relation.created_in for relation in timeline.catalog.relations.values()]
    assert numbers[0] < numbers[1] == numbers[2]


def test_a_statement_that_cannot_be_followed_leaves_an_incomplete_schema(monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(draft, node):
        raise KeyError("no such part")

    monkeypatch.setitem(STEPS, "index_stmt", broken)
    said = "sluicegate itself failed here (KeyError: 'no such part'); please report the statement"
    index = parse_statement("CREATE INDEX i ON a (x)")
    timeline = Timeline(Catalog(complete=True), Session())
    timeline.run(parse_script("CREATE TABLE a (x int)"))
    assert str(timeline.advance(index)) == said
    assert (tables(timeline), timeline.catalog.complete) == (["public.a"], False)
    before = Catalog(complete=True)
    after, slip = follow(index, before, Session())
    assert (after, str(slip)) == (Catalog(complete=False), said)

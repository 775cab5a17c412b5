"""Observation reads off a real server exactly what was measured there before, field by field."""

from __future__ import annotations

import contextlib
import json
from collections.abc import Iterator
from itertools import groupby
from pathlib import Path
from typing import Any

import pytest

from sluicegate.dryrun.clone import clone
from sluicegate.dryrun.notices import install
from sluicegate.dryrun.observation import Method
from sluicegate.dryrun.observe import observe, trace
from sluicegate.effects.model import Certainty, Effects, InTransaction, LockMode, Refusal
from sluicegate.pg.connect import connect
from sluicegate.pg.embedded import EmbeddedServer

DATA = Path(__file__).parents[1] / "forms" / "data"
FACTS = [json.loads(line) for line in (DATA / "facts.jsonl").read_text(encoding="utf-8").splitlines()]
BASE = "sluicegate_observe_base"


def sample(version: int) -> list[dict[str, Any]]:
    """Every seventh form of each category, and more of those that need a setup of their own."""
    rows = sorted((row for row in FACTS if row["pg"] == version), key=lambda row: row["category"])
    chosen = []
    for _, group in groupby(rows, key=lambda row: row["category"]):
        chosen += [row for number, row in enumerate(group) if number % 7 == 0 or (number % 4 == 0 and row["setup"])]
    return chosen


@pytest.fixture(scope="module", params=[16, 18], ids=["pg16", "pg18"])
def base(request: pytest.FixtureRequest) -> Iterator[tuple[EmbeddedServer, str]]:
    """A database with the tables and rows on which the facts were measured."""
    server: EmbeddedServer = request.getfixturevalue(f"server{request.param}")
    with connect(server.url()) as admin:
        admin.execute(f"CREATE DATABASE {BASE}")
        try:
            with connect(server.url(BASE)) as connection:
                connection.execute((DATA / "base.sql").read_bytes())
                connection.execute("VACUUM ANALYZE")
            yield server, server.url(BASE)
        finally:
            admin.execute(f"DROP DATABASE {BASE}")


def as_row(effects: Effects) -> dict[str, Any]:
    return {
        "locks": {name: mode.name for name, mode in effects.locks.items()},
        "index_locks": {name: mode.name for name, mode in effects.index_locks.items()},
        "rewrites": sorted(effects.rewrites),
        "scans": sorted(effects.scans),
        "index_builds": sorted(effects.index_builds),
        "in_transaction": str(effects.in_transaction),
        "error": effects.error and {"sqlstate": effects.error.sqlstate, "message": effects.error.message},
    }


def test_observation_agrees_with_the_measured_forms(base: tuple[EmbeddedServer, str]) -> None:
    server, url = base
    rows = sample(server.version)
    assert len(rows) >= 75
    differences = {}
    for row in rows:
        with contextlib.ExitStack() as stack:
            if row["setup"]:
                place = stack.enter_context(clone(server.url(), BASE))
                with connect(place) as connection:
                    connection.execute(row["setup"])
            else:
                place = url
            # A session for each form: whether a library is loaded decides the lock of ALTER INDEX … SET (m = 32).
            observed = observe(stack.enter_context(connect(place)), row["sql"])
        if row["in_transaction"] == "forbidden":
            if observed.in_transaction is not InTransaction.FORBIDDEN:
                differences[row["id"]] = ("forbidden", observed)
        elif as_row(observed) != {key: row[key] for key in as_row(observed)}:
            differences[row["id"]] = ({key: row[key] for key in as_row(observed)}, as_row(observed))
    assert differences == {}


def test_a_dropped_table_keeps_its_lock_and_name(database: str) -> None:
    with connect(database) as connection:
        connection.execute("CREATE TABLE gone (id int PRIMARY KEY)")
        effects = observe(connection, "DROP TABLE gone")
    assert effects.locks == {"public.gone": LockMode.AccessExclusiveLock}
    assert effects.index_locks == {"public.gone_pkey": LockMode.AccessExclusiveLock}


def test_nothing_remains_unless_it_is_to_be_kept(database: str) -> None:
    with connect(database) as connection, connect(database) as other:
        observe(connection, "CREATE TABLE undone ()")
        observe(connection, "CREATE TABLE kept ()", keep=True)
        found = other.execute("SELECT relname FROM pg_class WHERE relname IN ('undone', 'kept')").fetchall()
        assert found == [("kept",)]
        assert connection.execute("SHOW client_min_messages").fetchone() == ("notice",)


def test_what_the_transaction_held_is_told_from_what_the_statement_takes(database: str) -> None:
    with connect(database, autocommit=False) as connection:
        connection.execute("CREATE TABLE a (id int); CREATE TABLE b (id int)")
        connection.commit()
        connection.execute("LOCK TABLE a IN SHARE MODE")
        seen = trace(connection, "ALTER TABLE a ADD COLUMN x int", keep=True)
        again = trace(connection, "ALTER TABLE a ADD COLUMN y int")
        elsewhere = trace(connection, "ALTER TABLE b ADD COLUMN y int")
    held = frozenset({LockMode.ShareLock})
    assert seen.effects.locks == {"public.a": LockMode.AccessExclusiveLock}
    assert seen.held == {"public.a": held}
    assert again.effects.locks == {}
    assert again.held == {"public.a": held | {LockMode.AccessExclusiveLock}}
    assert elsewhere.effects.locks == {"public.b": LockMode.AccessExclusiveLock}


def test_a_rejected_statement_is_an_answer_and_the_transaction_goes_on(database: str) -> None:
    with connect(database, autocommit=False) as connection:
        connection.execute("CREATE TABLE t (id int)")
        effects = observe(connection, "ALTER TABLE t ADD COLUMN id int")
        assert connection.execute("SELECT count(*) FROM t").fetchone() == (0,)
    assert effects == Effects(error=Refusal("42701", 'column "id" of relation "t" already exists'))


def test_a_statement_that_only_runs_outside_a_transaction_is_not_called_harmless(database: str) -> None:
    with connect(database) as connection:
        connection.execute("CREATE TABLE t (id int)")
        effects = observe(connection, "CREATE INDEX CONCURRENTLY i ON t (id)")
    assert effects.in_transaction is InTransaction.FORBIDDEN
    assert effects.certainty is Certainty.UNKNOWN
    assert effects.unknowns == ("the statement runs only outside a transaction block, so it was not run",)


def test_a_set_transaction_that_comes_too_late_is_an_ordinary_error(database18: str) -> None:
    with connect(database18) as connection:
        effects = observe(connection, "SET TRANSACTION ISOLATION LEVEL SERIALIZABLE")
    assert effects.in_transaction is InTransaction.ALLOWED
    assert effects.error == Refusal("25001", "SET TRANSACTION ISOLATION LEVEL must be called before any query")


def test_the_server_gives_its_reasons(database: str) -> None:
    with connect(database) as connection:
        install(connection)
        connection.execute("CREATE TABLE t (id int); CREATE TABLE u (id int, tid int)")
        rewrite = trace(connection, "ALTER TABLE t ALTER id TYPE bigint")
        check = trace(connection, "ALTER TABLE u ADD CHECK (id > 0)")
    assert rewrite.effects.reasons == {"public.t": "a column's type changes"}
    assert rewrite.notices == ('rewriting table "t"',)
    assert check.notices == ('verifying table "u"',)


def test_a_foreign_key_check_reads_both_tables_even_when_they_are_empty(database: str) -> None:
    with connect(database) as connection:
        connection.execute("CREATE TABLE p (id int PRIMARY KEY); CREATE TABLE c (id int)")
        effects = observe(connection, "ALTER TABLE c ADD FOREIGN KEY (id) REFERENCES p")
    assert effects.scans == {"public.c", "public.p"}


def test_whatever_the_search_path_is_observation_finds_its_catalogs(database18: str) -> None:
    with connect(database18, settings={"search_path": ""}) as connection:
        connection.execute("CREATE TABLE public.t (id int)")
        effects = observe(connection, "DROP TABLE public.t")
    assert effects.locks == {"public.t": LockMode.AccessExclusiveLock}


def test_an_invalid_index_is_reported(database18: str) -> None:
    with connect(database18) as connection:
        connection.execute("CREATE TABLE t (id int) PARTITION BY RANGE (id)")
        connection.execute("CREATE TABLE t1 PARTITION OF t FOR VALUES FROM (0) TO (9)")
        seen = trace(connection, "CREATE INDEX i ON ONLY t (id)")
    assert seen.invalid_indexes == ("public.i",)
    assert seen.method is Method.IN_TRANSACTION


@pytest.mark.parametrize("form", sorted({row["id"] for row in FACTS if row["in_transaction"] == "forbidden"}))
def test_obstacles_show_the_locks_of_what_commits_as_it_goes(base: tuple[EmbeddedServer, str], form: str) -> None:
    server, _ = base
    row = next(row for row in FACTS if row["id"] == form and row["pg"] == server.version)
    with clone(server.url(), BASE) as place, connect(place) as connection:
        assert as_row(observe(connection, row["sql"], disposable=True)) == {key: row[key] for key in as_row(Effects())}


@pytest.mark.parametrize(
    ("statement", "table"),
    [
        ("CREATE INDEX CONCURRENTLY x ON t (d)", "public.t"),
        ("DROP INDEX CONCURRENTLY t_a_idx", "public.t"),
        ("CREATE INDEX CONCURRENTLY IF NOT EXISTS t_a_idx ON t (a)", "public.t"),
        ("CREATE INDEX CONCURRENTLY x ON mv (a)", "public.mv"),
    ],
)
def test_concurrently_is_seen_on_its_table(base: tuple[EmbeddedServer, str], statement: str, table: str) -> None:
    server, _ = base
    with clone(server.url(), BASE) as place, connect(place) as connection:
        seen = trace(connection, statement, disposable=True)
    assert seen.effects.locks == {table: LockMode.ShareUpdateExclusiveLock}
    assert seen.effects.in_transaction is InTransaction.FORBIDDEN
    assert seen.effects.certainty is Certainty.CERTAIN
    assert seen.method is Method.BLOCKED


def test_reindexing_a_schema_locks_tables_with_and_without_rows_and_materialized_views(
    database: str,
) -> None:
    with connect(database) as connection:
        connection.execute("CREATE SCHEMA s; CREATE TABLE s.t (id int PRIMARY KEY); CREATE TABLE s.u (id int UNIQUE)")
        connection.execute("CREATE MATERIALIZED VIEW s.m AS SELECT * FROM s.t; CREATE INDEX ON s.m (id)")
        seen = trace(connection, "REINDEX SCHEMA s", disposable=True)
    assert seen.effects.locks == dict.fromkeys(("s.m", "s.t", "s.u"), LockMode.ShareLock)
    assert seen.effects.index_builds == {"s.m", "s.t", "s.u"}
    assert seen.effects.certainty is Certainty.CERTAIN


def test_a_unique_index_that_fails_concurrently_is_left_invalid_and_told(base: tuple[EmbeddedServer, str]) -> None:
    server, _ = base
    with clone(server.url(), BASE) as place, connect(place) as connection:
        seen = trace(connection, "CREATE UNIQUE INDEX CONCURRENTLY x ON dup (k)", disposable=True)
    assert seen.effects.error == Refusal("23505", 'could not create unique index "x"')
    assert seen.invalid_indexes == ("public.x",)


def test_a_table_that_somebody_else_has_locked_makes_the_locks_uncertain(database18: str) -> None:
    with connect(database18) as connection, connect(database18) as other:
        connection.execute("CREATE TABLE t (id int); CREATE TABLE u (id int)")
        with other.transaction():
            other.execute("LOCK TABLE u")
            seen = trace(connection, "CREATE INDEX CONCURRENTLY i ON t (id)", disposable=True)
    assert seen.effects.certainty is Certainty.UNKNOWN
    assert seen.effects.unknowns == ("another session was in the way, so short locks may have been missed",)

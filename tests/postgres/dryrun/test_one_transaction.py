"""A dry run inside one transaction tries everything on a database that others use, and changes nothing."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Iterator

import psycopg
import pytest

from sluicegate.dryrun.guard import forbid_commit
from sluicegate.dryrun.observation import Method
from sluicegate.dryrun.report import DryRun, Outcome
from sluicegate.dryrun.request import Request
from sluicegate.dryrun.run import try_in_transaction
from sluicegate.dryrun.upgrade import Environment
from sluicegate.errors import ExitCode, UsageError
from sluicegate.pg.connect import connect, parse

MakeRequest = Callable[..., Request]
SHORT = Environment(settings={"lock_timeout": "200ms", "statement_timeout": "10s"})


def shop_at_0001(url: str) -> None:
    """Create the shop as its first revision leaves it, with rows in it."""
    with connect(url) as connection:
        connection.execute(
            """
            CREATE TABLE alembic_version (version_num varchar(32) PRIMARY KEY);
            INSERT INTO alembic_version VALUES ('0001');
            CREATE TABLE customers (id serial PRIMARY KEY, email varchar(100));
            CREATE INDEX ix_customers_email ON customers (email);
            CREATE TABLE orders (id serial PRIMARY KEY, customer_id int REFERENCES customers, total int,
                note varchar(50));
            CREATE TABLE drafts (id int PRIMARY KEY REFERENCES orders);
            INSERT INTO customers SELECT g, 'c' || g FROM generate_series(10, 60) g;
            INSERT INTO orders SELECT g, g, g, 'n' FROM generate_series(10, 60) g;
            """
        )


@pytest.fixture
def shop(database: str) -> str:
    shop_at_0001(database)
    return database


@pytest.fixture
def shop18(database18: str) -> str:
    shop_at_0001(database18)
    return database18


def everything(url: str) -> list[object]:
    """Read what a dry run must not change: rows, schema, position."""
    with connect(url) as connection:
        return [
            connection.execute(query).fetchall()
            for query in (
                "SELECT * FROM customers ORDER BY id",
                "SELECT * FROM orders ORDER BY id",
                "SELECT * FROM alembic_version",
                "SELECT oid, relname, relfilenode FROM pg_class WHERE relnamespace = 'public'::regnamespace ORDER BY 1",
                "SELECT * FROM pg_constraint ORDER BY oid",
            )
        ]


def test_everything_is_tried_and_nothing_changes(
    make_request: MakeRequest, shop: str, shown: Callable[[DryRun], str]
) -> None:
    before = everything(shop)
    run = try_in_transaction(make_request("dryrun_shop", environment=SHORT), shop)
    assert everything(shop) == before
    assert run.proof is not None
    assert run.proof.unchanged
    assert shown(run).replace(parse(shop)["dbname"], "test").replace(parse(shop)["host"], "/s") == TRIED
    assert run.exit_code is ExitCode.CLEAN


def test_a_statement_without_concurrently_says_so_and_is_not_compared(make_request: MakeRequest, shop18: str) -> None:
    run = try_in_transaction(make_request("dryrun_shop", environment=SHORT), shop18)
    (statement,) = [s for s in run.statements() if "CONCURRENTLY" in s.sql]
    assert statement.autocommit
    assert statement.observation.method is Method.STRIPPED
    assert statement.note == "run without CONCURRENTLY, so its locks here are not its real ones"
    assert statement.comparison.differences == ()


@pytest.mark.parametrize(
    ("rev", "problem"),
    [
        (
            "0002",
            "the revision asked for a COMMIT, and a dry run inside one transaction never commits (SQLSTATE SG002)",
        ),
        ("0003", "it would end the transaction, and the dry run with it"),
    ],
)
def test_a_revision_that_commits_by_itself_cannot(
    make_request: MakeRequest, database: str, rev: str, problem: str
) -> None:
    run = try_in_transaction(make_request("dryrun_committing", rev, environment=SHORT), database)
    (revision,) = run.revisions
    assert (revision.outcome, revision.problem) == (Outcome.BROKEN, problem)
    assert run.proof is not None
    assert run.proof.unchanged
    assert run.exit_code is ExitCode.COULD_NOT_JUDGE
    with connect(database) as connection:
        assert connection.execute("SELECT relname FROM pg_class WHERE relname LIKE 'by%'").fetchall() == []


def test_a_commit_between_statements_is_not_sent(make_request: MakeRequest, database: str) -> None:
    run = try_in_transaction(make_request("dryrun_committing", "0001", environment=SHORT), database)
    assert [(s.sql, s.note) for s in run.statements()] == [
        ("CREATE TABLE by_sql (id int)", ""),
        ("COMMIT", "not sent: everything stays in one transaction"),
        (
            "CREATE INDEX CONCURRENTLY by_sql_id ON by_sql (id)",
            "run without CONCURRENTLY, so its locks here are not its real ones",
        ),
    ]
    assert run.exit_code is ExitCode.CLEAN


def test_what_no_transaction_allows_is_not_called_clean(make_request: MakeRequest, database: str) -> None:
    run = try_in_transaction(make_request("dryrun_committing", "0004", environment=SHORT), database)
    assert [(s.sql, s.observation.method) for s in run.statements()] == [
        ("CREATE TABLE kept_clean (id int PRIMARY KEY)", Method.IN_TRANSACTION),
        ("VACUUM kept_clean", Method.NOT_RUN),
        ("REINDEX (CONCURRENTLY, VERBOSE) TABLE kept_clean", Method.STRIPPED),
        ("DROP INDEX CONCURRENTLY IF EXISTS nothing", Method.STRIPPED),
    ]
    assert run.exit_code is ExitCode.COULD_NOT_JUDGE


def test_a_closed_gate_is_a_result(make_request: MakeRequest, database: str) -> None:
    run = try_in_transaction(make_request("dryrun_gated", environment=SHORT), database)
    assert [revision.outcome for revision in run.revisions] == [Outcome.RAN, Outcome.GATE_CLOSED]
    assert run.revisions[1].problem is not None
    assert run.revisions[1].problem.startswith("the gate is closed: backfill 0001 has never run in this database")
    assert run.exit_code is ExitCode.FINDINGS


def test_a_lock_that_others_hold_is_waited_for_only_shortly(make_request: MakeRequest, shop18: str) -> None:
    with connect(shop18) as other, other.transaction():
        other.execute("LOCK TABLE orders IN ACCESS SHARE MODE")
        run = try_in_transaction(make_request("dryrun_shop", environment=SHORT), shop18)
    assert run.revisions[0].outcome is Outcome.REFUSED
    assert run.revisions[0].problem == "canceling statement due to lock timeout (SQLSTATE 55P03)"
    assert [d for s in run.statements() for d in s.comparison.differences] == []
    assert next((s.sql, s.note) for s in run.statements()) == (
        "SET LOCAL lock_timeout = '5s'",
        "lock_timeout stays at 200 ms here",
    )


def test_a_sequence_that_went_on_is_told(make_request: MakeRequest, database: str) -> None:
    with connect(database) as connection:
        connection.execute("CREATE TABLE t (id serial)")
    run = try_in_transaction(make_request("dryrun_sequence", environment=SHORT), database)
    assert run.proof is not None
    assert run.proof.unchanged
    assert run.proof.sequences == ("public.t_id_seq",)


def test_a_schema_that_somebody_else_changed_meanwhile_is_no_proof(
    make_request: MakeRequest, shop18: str, shown: Callable[[DryRun], str]
) -> None:
    request = make_request("dryrun_shop", environment=SHORT)
    load = request.load_catalog
    assert load is not None

    def meanwhile(connection: psycopg.Connection) -> object:
        with connect(shop18) as other:
            other.execute("CREATE TABLE IF NOT EXISTS of_somebody_else ()")
        return load(connection)

    run = try_in_transaction(dataclasses.replace(request, load_catalog=meanwhile), shop18)
    assert run.proof is not None
    assert run.proof.changed == ("pg_class", "pg_type", "pg_attribute")
    assert run.exit_code is ExitCode.RUN_FAILED
    assert (
        "SOMETHING CHANGED while the transaction was open: pg_class, pg_type, pg_attribute. The transaction was rolled "
        "back, so look for another session that changed the schema.\n"
    ) in shown(run)


def test_the_position_is_the_databases_own(make_request: MakeRequest, shop18: str) -> None:
    with pytest.raises(UsageError, match=r"^--at says 0002, but the database is at 0001\.$"):
        try_in_transaction(make_request("dryrun_shop", at=("0002",)), shop18)


@pytest.fixture
def guarded(database: str) -> Iterator[psycopg.Connection]:
    with connect(database, autocommit=False) as connection:
        connection.execute("CREATE TABLE t (id int)")
        forbid_commit(connection)
        yield connection


@pytest.mark.parametrize("text", ["COMMIT", "END", "COMMIT AND CHAIN", "CREATE TABLE u (); COMMIT; CREATE TABLE v ()"])
def test_the_server_refuses_every_commit(guarded: psycopg.Connection, text: str) -> None:
    with pytest.raises(psycopg.Error) as refusal:
        guarded.execute(text.encode())
    assert refusal.value.sqlstate == "SG002"
    guarded.rollback()
    assert guarded.execute("SELECT FROM pg_class WHERE relname IN ('t', 'u', 'v')").fetchall() == []


TRIED = """\
Dry run in one transaction on database test on socket /s as postgres, rolled back.

Revision 0002: Widen the totals, and require them.
dryrun_shop/versions/0002_widen.py
   line  statement                                what it did                                     time  verdict
     15  SET LOCAL lock_timeout = '5s'            lock_timeout stays at 200 ms here                  …
     16  ALTER TABLE orders ALTER COLUMN total    ACCESS EXCLUSIVE on public.orders: reads           …  as predicted
         TYPE BIGINT                              and writes wait
                                                  rewrites public.orders
                                                  builds every index of public.orders
17 → 11  ALTER TABLE orders ALTER COLUMN total    ACCESS EXCLUSIVE on public.orders: held            …  as predicted
         SET NOT NULL                             since an earlier statement
                                                  reads all of public.orders
     18  ALTER TABLE orders ALTER COLUMN note     ACCESS EXCLUSIVE on public.orders: held            …  as predicted
         TYPE TEXT                                since an earlier statement
     19  INSERT INTO customers (id, email)        sent for 2 rows, the first is shown                …  as predicted
         VALUES (1::INTEGER,                      ROW EXCLUSIVE on public.customers: reads
         'a@example.org'::VARCHAR)                and writes go on; index builds and
                                                  schema changes wait

Revision 0003: Find orders by customer.
dryrun_shop/versions/0003_index.py
line  statement                                  what it did                                      time  verdict
  11  CREATE INDEX CONCURRENTLY                  run without CONCURRENTLY, so its locks              …  predicted only
      ix_orders_customer ON orders               here are not its real ones
      (customer_id)                              as written it takes SHARE UPDATE
                                                 EXCLUSIVE on public.orders: reads and
                                                 writes go on; schema changes and VACUUM
                                                 wait
  12  ALTER TABLE orders ADD CONSTRAINT          ACCESS EXCLUSIVE on public.orders: held             …  as predicted
      total_positive CHECK (total > 0) NOT       since an earlier statement
      VALID

Revision 0004: Drop the drafts.
dryrun_shop/versions/0004_drop.py
line  statement          what it did                                                              time  verdict
  10  DROP TABLE drafts  ACCESS EXCLUSIVE on public.drafts: reads and writes wait                    …  as predicted
                         ACCESS EXCLUSIVE on public.orders: held since an earlier
                         statement

Nothing changed: 30 system catalogs have the same fingerprint as before, and alembic_version is still 0001.
No sequence went on.
What a statement did outside the database (files, other servers, programs) is not rolled back either.
3 revisions, 7 statements: 1 predicted only, 6 as predicted.
"""

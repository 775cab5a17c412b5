"""Production's schema is restored as pg_dump prints it, with what a scratch server lacks named or made up for."""

from __future__ import annotations

import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path

import psycopg
import pytest

from sluicegate.dryrun.clone import clone
from sluicegate.dryrun.report import Outcome
from sluicegate.dryrun.request import Request, Server
from sluicegate.dryrun.run import try_on_clone
from sluicegate.errors import CouldNotJudgeError, ExitCode, UsageError
from sluicegate.pg.connect import connect
from sluicegate.pg.embedded import EmbeddedServer
from sluicegate.snapshot.restore import restore_schema

MakeRequest = Callable[..., Request]
PRODUCTION = """
CREATE EXTENSION vector;
CREATE TABLE alembic_version (version_num varchar(32) PRIMARY KEY);
INSERT INTO alembic_version VALUES ('0001');
CREATE TABLE customers (id serial PRIMARY KEY, email varchar(100));
CREATE TABLE orders (id serial PRIMARY KEY, customer_id int REFERENCES customers, total int, note varchar(50));
CREATE TABLE drafts (id int PRIMARY KEY REFERENCES orders, embedding vector(3));
INSERT INTO customers VALUES (1, 'one');
ALTER TABLE orders ADD CONSTRAINT note_given CHECK (note <> '') NOT VALID;
CREATE MATERIALIZED VIEW totals AS SELECT customer_id, sum(id) FROM orders GROUP BY 1;
CREATE MATERIALIZED VIEW totals_of_totals AS SELECT count(*) FROM totals;
CREATE FUNCTION later() RETURNS text LANGUAGE plpgsql AS $$
BEGIN
\\restrict is a word of this text, at a line's start
END $$;
"""


@pytest.fixture
def empty(server: EmbeddedServer) -> Iterator[psycopg.Connection]:
    with clone(server.url()) as url, connect(url) as connection:
        yield connection


@pytest.fixture
def dump(server: EmbeddedServer, database: str, tmp_path: Path) -> Path:
    """What the version's own pg_dump makes of production."""
    with connect(database) as connection:
        connection.execute("DROP EXTENSION vector")
        connection.execute(PRODUCTION.replace("\\restrict", "-- restrict"))
    file = tmp_path / "schema.sql"
    subprocess.run([server.binary("pg_dump"), "--schema-only", "-d", database, "-f", file], check=True)
    return file


def test_revisions_run_on_productions_schema_from_its_position(
    make_request: MakeRequest, place: Server, dump: Path
) -> None:
    run = try_on_clone(make_request("dryrun_shop", at=("0001",)), place, dump)
    assert run.where == "a clone of schema.sql at 0001, on the test's server"
    assert [(revision.revision, revision.outcome) for revision in run.revisions] == [
        ("0002", Outcome.RAN),
        ("0003", Outcome.RAN),
        ("0004", Outcome.RAN),
    ]
    widening = run.revisions[0].statements[1]
    assert widening.sql == "ALTER TABLE orders ALTER COLUMN total TYPE BIGINT"
    assert widening.observation.effects.rewrites == {"public.orders"}
    assert [str(d) for s in run.statements() for d in s.comparison.differences] == []
    assert run.exit_code is ExitCode.CLEAN


def test_the_schema_is_what_it_was(empty: psycopg.Connection, dump: Path) -> None:
    restored = restore_schema(empty, dump.read_text(), "schema.sql")
    assert (restored.roles, restored.skipped) == ((), ())
    with connect(empty.info.dsn) as after:
        row = after.execute("SELECT convalidated FROM pg_constraint WHERE conname = 'note_given'").fetchone()
        assert row == (False,)
        views = after.execute("SELECT relname, relispopulated FROM pg_class WHERE relkind = 'm' ORDER BY 1").fetchall()
        assert views == [("totals", True), ("totals_of_totals", True)]


def test_roles_are_created_and_settings_of_newer_servers_left_out(empty: psycopg.Connection) -> None:
    text = """
    \\restrict abcdef
    SET transaction_timeout = 0;
    SET setting_of_the_future = on;
    SELECT pg_catalog.set_config('search_path', '', false);
    CREATE SCHEMA public;
    CREATE TABLE public.t (id int);
    ALTER TABLE public.t OWNER TO sluicegate_owner;
    GRANT SELECT ON public.t TO sluicegate_reader;
    CREATE POLICY p ON public.t TO sluicegate_reader USING (true);
    \\unrestrict abcdef
    """.replace("    ", "")
    try:
        restored = restore_schema(empty, text, "schema.sql")
        assert restored.roles == ("sluicegate_owner", "sluicegate_reader")
        old = ("SET transaction_timeout = 0",) if empty.info.server_version < 170_000 else ()
        assert restored.skipped == (*old, "SET setting_of_the_future = on")
        with connect(empty.info.dsn) as after:
            rows = after.execute("SELECT rolcanlogin FROM pg_roles WHERE rolname ~ '^sluicegate_'").fetchall()
        assert rows == [(False,), (False,)]
    finally:
        empty.execute("DROP SCHEMA public CASCADE; DROP ROLE IF EXISTS sluicegate_owner, sluicegate_reader")


def test_missing_extensions_are_all_named(empty: psycopg.Connection) -> None:
    text = "CREATE EXTENSION postgis; CREATE EXTENSION vector; CREATE EXTENSION timescaledb;"
    with pytest.raises(CouldNotJudgeError) as refusal:
        restore_schema(empty, text, "schema.sql")
    assert refusal.value.message == "schema.sql needs extensions that this server does not have: postgis, timescaledb."
    assert refusal.value.hint == "Name a scratch database on a server that has them, with --database-url."


@pytest.mark.parametrize(
    ("text", "error", "message"),
    [
        (
            "CREATE TABLE t (id int);\n\nCREATE TABLE u (id nosuch);",
            CouldNotJudgeError,
            "schema.sql:3 cannot be restored",
        ),
        ("CREATE TABLE t (id int);\nCREATE TABEL u ();", CouldNotJudgeError, "schema.sql:2 cannot be read as SQL"),
        ("CREATE TABLE t (id int);\nCOPY public.t (id) FROM stdin;\n1\n\\.\n", UsageError, "schema.sql:2 holds rows"),
    ],
)
def test_what_cannot_be_restored_is_named_with_its_line(
    empty: psycopg.Connection, text: str, error: type[Exception], message: str
) -> None:
    with pytest.raises(error, match=message):
        restore_schema(empty, text, "schema.sql")
    assert empty.execute("SELECT count(*) FROM pg_class WHERE relname IN ('t', 'u')").fetchone() == (0,)

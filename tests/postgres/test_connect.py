"""The door to a server takes every usual URL, never tells the password, and explains what went wrong."""

from __future__ import annotations

import psycopg
import pytest

from sluicegate.errors import ServerError, UsageError
from sluicegate.pg.connect import connect, describe, parse, translated, with_database
from sluicegate.pg.embedded import EmbeddedServer


@pytest.mark.parametrize("scheme", ["postgresql", "postgres", "postgresql+psycopg", "postgresql+psycopg2"])
def test_every_usual_scheme_connects(database18: str, scheme: str) -> None:
    url = database18.replace("postgresql://", f"{scheme}://")
    with connect(url, application_name="a test", settings={"lock_timeout": "250ms"}) as connection:
        row = connection.execute(
            "SELECT current_setting('lock_timeout'), current_setting('application_name'), current_database()"
        ).fetchone()
        assert connection.autocommit
    assert row == ("250ms", "a test", parse(database18)["dbname"])


def test_without_autocommit_settings_survive_a_rollback(database18: str) -> None:
    with connect(database18, autocommit=False, settings={"search_path": "other"}) as connection:
        connection.rollback()
        assert connection.execute("SHOW search_path").fetchone() == ("other",)


def test_a_missing_database_is_named_with_the_way_out(server18: EmbeddedServer) -> None:
    with pytest.raises(ServerError) as refusal:
        connect(server18.url("nosuch"))
    assert refusal.value.sqlstate == "3D000"
    assert refusal.value.message.startswith(f"Connecting to database nosuch on socket {server18.socket} as postgres")
    assert 'database "nosuch" does not exist' in refusal.value.message
    assert refusal.value.hint == "Check the name at the end of the URL."


def test_a_server_that_is_not_there_never_tells_the_password() -> None:
    with pytest.raises(ServerError) as refusal:
        connect("postgresql+psycopg://me:s3cr3t@127.0.0.1:1/app", connect_timeout=2)
    assert refusal.value.sqlstate == "08001"
    assert "s3cr3t" not in str(refusal.value)
    assert refusal.value.hint == "Check host, port and network, and that the server runs; then try again."


@pytest.mark.parametrize(
    "url",
    [
        "postgresql://me:pa/ssw0rd@host/app",
        "postgresql://me:pa@ssw0rd@host/app",
        "postgresql://me:12/ssw0rd@host/app",
        "postgresql://me:pa%ssw0rd@host/app",
        "me ssw0rd",
    ],
)
def test_an_unreadable_url_is_refused_without_repeating_it(url: str) -> None:
    with pytest.raises(UsageError) as refusal:
        connect(url)
    assert "ssw0rd" not in refusal.value.message
    assert refusal.value.hint == (
        "Write special characters of user and password percent-encoded: @ as %40, / as %2F, : as %3A, # as %23."
    )


def test_other_databases_and_unknown_parameters_are_refused_by_name() -> None:
    with pytest.raises(UsageError, match=r"^The database URL starts with mysql://; sluicegate works with PostgreSQL"):
        connect("mysql://me:secret@host/app")
    with pytest.raises(UsageError, match=r"^The database URL has a parameter 'ssl' that"):
        connect("postgresql+asyncpg://me:secret@host/app?ssl=require")
    with pytest.raises(UsageError, match=r"^The database URL is empty\.$"):
        connect("  ")


def test_a_description_has_no_password() -> None:
    assert describe("postgresql://me:secret@db.example:5433/app") == "database app on db.example:5433 as me"
    assert describe("postgres:///") == "database (default) on the default host"


def test_another_database_of_the_same_server(server18: EmbeddedServer) -> None:
    with connect(with_database(server18.url("nosuch"), "postgres")) as connection:
        assert connection.execute("SELECT current_database()").fetchone() == ("postgres",)


def test_a_lock_timeout_says_that_nothing_changed(database18: str) -> None:
    with connect(database18) as blocker, connect(database18, settings={"lock_timeout": "10ms"}) as waiter:
        blocker.execute("CREATE TABLE t ()")
        with blocker.transaction():
            blocker.execute("LOCK TABLE t")
            with pytest.raises(ServerError) as refusal, translated("reading t"):
                waiter.execute("SELECT FROM t")
    assert refusal.value.sqlstate == "55P03"
    assert refusal.value.message == (
        "Reading t failed: canceling statement due to lock timeout (SQLSTATE 55P03). "
        "Another session held a conflicting lock for longer than lock_timeout."
    )
    assert refusal.value.hint is not None
    assert refusal.value.hint.startswith("Nothing was changed.")


def test_an_unknown_error_keeps_the_servers_own_words(database18: str) -> None:
    with connect(database18) as connection, pytest.raises(ServerError) as refusal, translated():
        connection.execute("DO $$ BEGIN RAISE 'no tea' USING errcode = 'ZZ001', hint = 'boil water'; END $$")
    assert (refusal.value.message, refusal.value.hint) == ("No tea (SQLSTATE ZZ001).", "boil water")
    assert isinstance(refusal.value.__cause__, psycopg.Error)

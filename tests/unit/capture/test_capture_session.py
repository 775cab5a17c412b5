"""The session's state as statements go by: settings, transactions, savepoints."""

from __future__ import annotations

import itertools

import pytest

from sluicegate.capture.session import SessionTracker, session_of
from sluicegate.statements.parse import parse_script


def run(script: str, **options: object) -> SessionTracker:
    session = SessionTracker(**options)
    for statement in parse_script(script):
        session.before(statement)
        session.after(statement)
    return session


@pytest.mark.parametrize(
    ("script", "settings"),
    [
        ("SET lock_timeout = '2s'", {"lock_timeout": "2s"}),
        ("SET lock_timeout TO 2000", {"lock_timeout": "2000"}),
        ("SET SESSION lock_timeout = '2s'", {"lock_timeout": "2s"}),
        ('SET "Lock_Timeout" = 1', {"lock_timeout": "1"}),
        ("SET work_mem = '-1'; SET row_security = off", {"work_mem": "-1", "row_security": "off"}),
        ("SET TIME ZONE 'Europe/Berlin'", {"timezone": "Europe/Berlin"}),
        ("SET TIME ZONE -7", {"timezone": "-7"}),
        ('SET search_path = a, "B c", public', {"search_path": 'a, "B c", public'}),
        ("SELECT set_config('lock_timeout', '3s', false)", {"lock_timeout": "3s"}),
        ("SELECT pg_catalog.set_config('Lock_Timeout'::text, '3s', 'off'::bool)", {"lock_timeout": "3s"}),
        ("SELECT 1 WHERE set_config('lock_timeout', '3s', false) = ''", {"lock_timeout": "3s"}),
        ("SELECT other.set_config('lock_timeout', '3s', false)", {}),
        ("SET LOCAL lock_timeout = '2s'", {}),
        ("SELECT set_config('lock_timeout', '3s', true)", {}),
        ("BEGIN; SET LOCAL lock_timeout = '2s'", {"lock_timeout": "2s"}),
        ("BEGIN; SET LOCAL lock_timeout = '2s'; COMMIT", {}),
        ("BEGIN; SET lock_timeout = '2s'; COMMIT", {"lock_timeout": "2s"}),
        ("BEGIN; SET lock_timeout = '2s'; ROLLBACK", {}),
        ("SET lock_timeout = '1s'; BEGIN; SET LOCAL lock_timeout = '2s'; COMMIT", {"lock_timeout": "1s"}),
        ("BEGIN; SET LOCAL lock_timeout = '2s'; SET lock_timeout = '3s'; COMMIT", {"lock_timeout": "3s"}),
        ("SET lock_timeout = '1s'; BEGIN; SET LOCAL lock_timeout TO DEFAULT", {}),
        ("SET lock_timeout = '1s'; RESET lock_timeout", {}),
        ("SET lock_timeout = '1s'; SET statement_timeout = 0; RESET ALL", {}),
        ("SET lock_timeout = '1s'; DISCARD ALL", {}),
        ("SET lock_timeout = '1s'; DISCARD PLANS", {"lock_timeout": "1s"}),
        ("BEGIN; SAVEPOINT a; SET lock_timeout = '1s'; ROLLBACK TO a", {}),
        ("BEGIN; SAVEPOINT a; SET lock_timeout = '1s'; RELEASE a; COMMIT", {"lock_timeout": "1s"}),
        ("BEGIN; SAVEPOINT a; SAVEPOINT a; SET lock_timeout = '1s'; RELEASE a; ROLLBACK TO a", {}),
        ("BEGIN; SET lock_timeout = '1s'; COMMIT AND CHAIN; SET lock_timeout = '2s'; ROLLBACK", {"lock_timeout": "1s"}),
        ("BEGIN; SET LOCAL lock_timeout = '1s'; PREPARE TRANSACTION 'x'", {}),
        ("SET TRANSACTION ISOLATION LEVEL SERIALIZABLE", {}),
    ],
)
def test_settings_in_force(script: str, settings: dict[str, str]) -> None:
    assert run(script).settings == settings


def test_settings_of_the_connection_come_back_with_reset() -> None:
    session = run("SET lock_timeout = 0; RESET lock_timeout", settings={"lock_timeout": "5s"})
    assert session.settings == {"lock_timeout": "5s"}


def test_local_settings_are_told_apart() -> None:
    session = run("SET statement_timeout = 5; BEGIN; SET LOCAL lock_timeout = 1; SET LOCAL timezone TO DEFAULT")
    assert session.local_settings == {"lock_timeout"}


def test_sessions_on_one_server_share_the_numbers_of_transactions() -> None:
    numbers = itertools.count(1)
    first, second = run("BEGIN", numbers=numbers), run("BEGIN", numbers=numbers)
    assert (first.transaction, second.transaction) == (1, 2)


def test_begin_inside_a_transaction_changes_nothing() -> None:
    assert run("BEGIN; BEGIN").transaction == 1


def test_what_the_owner_keeps_is_rolled_back_with_the_transaction() -> None:
    session = SessionTracker(payload="empty")
    session.begin()
    session.payload = "full"
    assert session.payload == "full"
    session.rollback()
    assert session.payload == "empty"


def test_after_settling_a_rollback_stops_there() -> None:
    session = run("BEGIN; SET lock_timeout = 1", payload="deployed")
    session.payload = "before"
    session.settle()
    session.payload = "after"
    assert session.settings == {}
    session.rollback()
    assert session.payload == "before"


def test_the_catalogs_view_of_a_session() -> None:
    session = session_of(
        {"search_path": 'a, "B c", "$user", pg_catalog', "timezone": "UTC+1", "check_function_bodies": "off"},
        in_transaction=True,
    )
    assert (session.search_path, session.timezone, session.in_transaction, session.check_function_bodies) == (
        ("a", "B c"),
        "UTC+1",
        True,
        False,
    )

"""The tracked session has the settings and the transaction that a server has after the same statements."""

from __future__ import annotations

from typing import Any

import psycopg
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from sluicegate.capture.session import SessionTracker
from sluicegate.statements.parse import parse_statement

NAMES = ("lock_timeout", "statement_timeout")
VALUES = st.integers(1, 9).map(lambda number: f"{number}s")
COMMANDS = st.one_of(
    st.sampled_from(
        [
            "BEGIN",
            "START TRANSACTION",
            "COMMIT",
            "ROLLBACK",
            "COMMIT AND CHAIN",
            "ROLLBACK AND CHAIN",
            "SAVEPOINT a",
            "SAVEPOINT b",
            "RELEASE a",
            "RELEASE b",
            "ROLLBACK TO a",
            "ROLLBACK TO b",
            "RESET ALL",
            "RESET lock_timeout",
            "SET LOCAL lock_timeout TO DEFAULT",
            "SET lock_timeout TO DEFAULT",
            "SELECT 1",
        ]
    ),
    st.builds("SET {} = '{}'".format, st.sampled_from(NAMES), VALUES),
    st.builds("SET LOCAL {} = '{}'".format, st.sampled_from(NAMES), VALUES),
    st.builds(
        "SELECT set_config('{}', '{}', {})".format, st.sampled_from(NAMES), VALUES, st.sampled_from(["true", "false"])
    ),
)


@pytest.fixture(scope="module")
def connection(server18: Any) -> Any:
    with psycopg.connect(server18.url(), autocommit=True) as connection:
        yield connection


@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(commands=st.lists(COMMANDS, max_size=14))
def test_settings_and_transactions_are_the_servers(connection: Any, commands: list[str]) -> None:
    connection.execute("ROLLBACK")
    connection.execute("RESET ALL")
    session = SessionTracker()
    for command in commands:
        try:
            connection.execute(command)
        except psycopg.Error:
            # A statement that fails ends the story: capture assumes that statements succeed.
            break
        statement = parse_statement(command)
        session.before(statement)
        session.after(statement)
        status = connection.info.transaction_status
        assert session.in_transaction == (status == psycopg.pq.TransactionStatus.INTRANS)
        for name in NAMES:
            (found,) = connection.execute("SELECT current_setting(%s)", [name]).fetchone()
            assert session.settings.get(name, "0") == found, (command, name)

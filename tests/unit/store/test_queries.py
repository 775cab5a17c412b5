"""Every statement in the SQL files loads by its name, is valid SQL and is used somewhere."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

import sluicegate
from sluicegate.statements.parse import parse_script, parse_statement
from sluicegate.store.queries import FILES, statements, text_of
from sluicegate.store.schema import VERSION, install_statements

SOURCE = Path(sluicegate.__file__).parent


@pytest.mark.parametrize("name", sorted(statements()))
def test_a_statement_is_one_valid_statement(name: str) -> None:
    text = re.sub(r"%\(\w+\)s", "NULL", statements()[name].decode())
    assert parse_statement(text).sql == text


def test_every_statement_has_a_name_and_a_comment() -> None:
    bodies = sum(len(parse_script(re.sub(r"%\(\w+\)s", "NULL", text_of(file)))) for file in FILES)
    assert bodies == len(statements())


def test_every_statement_is_used() -> None:
    source = "\n".join(path.read_text() for path in SOURCE.rglob("*.py"))
    assert [name for name in statements() if f'"{name}"' not in source] == []


def test_the_schema_of_every_version_is_valid_sql() -> None:
    for version in range(1, VERSION + 1):
        assert install_statements(version)[0] == "CREATE SCHEMA sluicegate"

"""What conditions say of constants, without a server."""

from __future__ import annotations

import pytest

from sluicegate.catalog.dump import load_script
from sluicegate.effects.constant_conditions import Constants
from sluicegate.effects.constants import Incomparable
from sluicegate.statements.parse import parse_statement

CATALOG = load_script("CREATE TABLE r (n int, s text, b bool, d date)", version=18)
TYPES = {column.name: column.type for relation in CATALOG.relations.values() for column in relation.columns.values()}


def holds(condition: str, **values: object) -> bool | None:
    where = parse_statement(f"SELECT 1 WHERE {condition}").node.where_clause
    return Constants(values, TYPES, CATALOG).holds(where)


@pytest.mark.parametrize(
    ("condition", "value", "expected"),
    [
        ("s LIKE '%@%'", "a@b", True),
        ("s LIKE '%@%'", "ab", False),
        ("s LIKE 'a_c'", "abc", True),
        ("s LIKE 'a\\_c'", "abc", False),
        ("s ILIKE 'ABC'", "abc", True),
        ("s NOT LIKE 'a%'", "abc", False),
        ("s ~ '^[a-z]+$'", "abc", True),
        ("s ~ '^[a-z]+$'", "abc1", False),
        ("s !~* '^A'", "abc", False),
        ("length(s) <= 3", "abcd", False),
        ("s IN ('a', 'b')", "c", False),
        ("s NOT IN ('a', 'b')", "c", True),
        ("s <> ''", "", False),
        ("s = 'x' OR length(s) > 2", "abc", True),
        ("NOT (s IS NULL)", None, False),
        ("s LIKE '%@%'", None, None),
        ("s IS NOT NULL AND s <> ''", None, False),
    ],
)
def test_a_condition_on_a_text_is_worked_out(condition: str, value: str | None, expected: bool | None) -> None:
    assert holds(condition, s=value) is expected


def test_an_unknown_column_leaves_open_only_what_depends_on_it() -> None:
    assert holds("s = 'x' OR b", s="x") is True
    assert holds("s = 'x' AND b", s="y") is False
    with pytest.raises(Incomparable):
        holds("s = 'x' AND b", s="x")


@pytest.mark.parametrize("condition", ["s ~ '(?=a)\\d'", "upper(s) > 'a'", "s < 'B'", "my_function(s)", "s LIKE '%\\'"])
def test_what_a_collation_a_function_or_another_dialect_decides_is_not_told(condition: str) -> None:
    with pytest.raises(Incomparable):
        holds(condition, s="Abc")

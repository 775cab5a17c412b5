"""Literals mean on a server what the Python values mean that they stand for."""

from __future__ import annotations

import datetime
import decimal
import uuid
from typing import Any

import psycopg
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from sluicegate.capture.literals import CannotRenderError, interpolate, literal


@pytest.fixture(scope="module")
def connection(server18: Any) -> Any:
    with psycopg.connect(server18.url(), autocommit=True) as connection:
        connection.execute("SET timezone TO 'UTC'")
        yield connection


TEXT = st.text(st.characters(blacklist_categories=["Cs"], blacklist_characters="\0"))
DAY = st.dates()
MOMENT = st.datetimes(timezones=st.just(datetime.UTC))
SCALAR = st.one_of(
    st.booleans(),
    st.integers(-(2**63), 2**63 - 1),
    TEXT,
    st.binary(max_size=40),
    DAY,
    MOMENT,
    st.datetimes(),
    st.times(),
    st.uuids(),
    st.timedeltas(datetime.timedelta(days=-10_000), datetime.timedelta(days=10_000)),
)


@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(value=SCALAR)
def test_scalars_come_back_as_they_were(connection: Any, value: Any) -> None:
    (found,) = connection.execute(f"SELECT {literal(value)}").fetchone()
    assert found == value


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(value=st.decimals(allow_nan=True, allow_infinity=True, places=8).filter(lambda value: not value.is_snan()))
def test_decimals_and_floats_come_back(connection: Any, value: decimal.Decimal) -> None:
    (found,) = connection.execute(f"SELECT ({literal(value)})::numeric").fetchone()
    assert found == value or (found.is_nan() and value.is_nan())
    number = float(value)
    (found,) = connection.execute(f"SELECT ({literal(number)})::float8").fetchone()
    assert found == number or (found != found and number != number)


@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(value=st.lists(st.one_of(st.none(), TEXT), max_size=5))
def test_lists_come_back(connection: Any, value: list[str | None]) -> None:
    (found,) = connection.execute(f"SELECT {literal(value)}::text[]").fetchone()
    assert found == value


def test_a_value_follows_operators_and_casts_safely(connection: Any) -> None:
    text = interpolate("SELECT 5-%(a)s, %(a)s::smallint, %(b)s IN %(c)s, '100%%'", {"a": -32768, "b": 1, "c": (1, 2)})
    assert text == "SELECT 5-(-32768), (-32768)::smallint, 1 IN (1, 2), '100%'"
    assert connection.execute(text).fetchone() == (32773, -32768, True, "100%")


def test_json_comes_back(connection: Any) -> None:
    value = {"a": [1, None, "it's \\ 'q'"], "b": {"é": True}}
    assert connection.execute(f"SELECT {literal(value)}").fetchone() == (value,)


@pytest.mark.parametrize(
    ("sql", "parameters", "message"),
    [
        ("SELECT %(a)s", {"b": 1}, "The statement has no value for its parameter a."),
        ("SELECT %s, %s", [1], "The statement has no value for its parameter 2."),
        ("SELECT %(a)s", [1], "The statement names a parameter 'a', but got a list of values."),
        ("SELECT %(a)s", {"a": object()}, "A driver cannot send a value of type 'object'."),
        ("SELECT %(a)s", {"a": "\0"}, "A bound text holds a NUL character, which PostgreSQL never accepts."),
    ],
)
def test_what_a_driver_could_not_send_is_refused(sql: str, parameters: Any, message: str) -> None:
    with pytest.raises(CannotRenderError) as refused:
        interpolate(sql, parameters)
    assert str(refused.value) == message


def test_per_cent_signs_without_parameters_stay() -> None:
    assert interpolate("SELECT '100%', 5 % 2, '%%'", None) == "SELECT '100%', 5 % 2, '%%'"
    assert interpolate("SELECT '100%', 5 % 2, '%%'", {}) == "SELECT '100%', 5 % 2, '%'"


def test_uuid_literals_keep_their_type() -> None:
    assert literal(uuid.UUID(int=1)) == "'00000000-0000-0000-0000-000000000001'::uuid"

"""Whether a type change keeps the stored values, decided from the types alone."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sluicegate.catalog.dump import load_script
from sluicegate.catalog.model import SqlType
from sluicegate.catalog.types import builtin_type, find_type
from sluicegate.effects.type_change import Conversion, is_utc, modifier_keeps_values
from sluicegate.statements.parse import parse_statement

CATALOG = load_script(
    """
    CREATE EXTENSION vector;
    CREATE DOMAIN plain AS int;
    CREATE DOMAIN positive AS int CHECK (VALUE > 0);
    CREATE DOMAIN short AS varchar(10);
    CREATE TYPE mood AS ENUM ('ok');
    """,
    version=18,
)


def sql_type(text: str) -> SqlType:
    node = parse_statement(f"SELECT NULL::{text}").node.target_list[0].res_target.val.type_cast.type_name
    found = find_type(node, CATALOG, ("public",))
    assert found is not None
    return found


def keeps(old: str, new: str, timezone: str = "UTC") -> bool:
    return Conversion(CATALOG, ("public",), 18, timezone).keeps_value(sql_type(old), sql_type(new))


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("varchar(20)", "varchar(40)"),
        ("varchar(20)", "varchar"),
        ("varchar(20)", "text"),
        ("text", "varchar"),
        ("numeric(10,2)", "numeric(12,2)"),
        ("numeric(10,2)", "numeric"),
        ("timestamptz(3)", "timestamptz"),
        ("timestamp", "timestamp(6)"),
        ("interval(3)", "interval"),
        ("interval hour to minute", "interval"),
        ("time(2)", "time(3)"),
        ("varbit(8)", "varbit(16)"),
        ("cidr", "inet"),
        ("oid", "int"),
        ("int", "plain"),
        ("positive", "int"),
        ("varchar(10)", "short"),
        ("varchar(10)[]", "varchar[]"),
        ("vector(3)", "vector"),
        ("bit(8)", "varbit"),
    ],
)
def test_a_wider_or_relabelled_type_keeps_what_is_stored(old: str, new: str) -> None:
    assert keeps(old, new)


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("varchar(40)", "varchar(20)"),
        ("text", "varchar(20)"),
        ("char(5)", "char(10)"),
        ("char(5)", "text"),
        ("numeric(10,2)", "numeric(12,3)"),
        ("numeric", "numeric(10,2)"),
        ("timestamptz", "timestamptz(3)"),
        ("interval", "interval day"),
        ("bit(8)", "varbit(16)"),
        ("inet", "cidr"),
        ("int", "bigint"),
        ("int", "positive"),
        ("varchar(20)", "short"),
        ("short", "varchar(10)"),
        ("varchar(10)[]", "varchar(20)[]"),
        ("varchar[]", "text[]"),
        ("vector", "vector(3)"),
        ("vector(3)", "halfvec(3)"),
        ("mood", "text"),
    ],
)
def test_a_narrower_or_converted_type_is_written_anew(old: str, new: str) -> None:
    assert not keeps(old, new)


@pytest.mark.parametrize("timezone", ["UTC", "utc", "Etc/UTC", "GMT", "+00", "0", "Zulu"])
def test_timestamps_keep_their_bytes_across_zones_only_in_utc(timezone: str) -> None:
    assert is_utc(timezone)
    assert keeps("timestamp", "timestamptz", timezone)
    assert keeps("timestamptz", "timestamp", timezone)


@pytest.mark.parametrize("timezone", ["Europe/London", "America/New_York", "+01", "UTC+1", ""])
def test_any_other_zone_moves_every_timestamp(timezone: str) -> None:
    assert not is_utc(timezone)
    assert not keeps("timestamp", "timestamptz", timezone)


@given(st.integers(1, 1000), st.integers(0, 1000), st.integers(1, 1000), st.integers(0, 1000))
def test_a_numeric_keeps_its_values_exactly_when_the_scale_stays_and_the_precision_does_not_shrink(
    precision: int, scale: int, wider: int, other_scale: int
) -> None:
    old, new = builtin_type("numeric", precision, scale), builtin_type("numeric", wider, other_scale)
    assert modifier_keeps_values(old, new) is (scale == other_scale and wider >= precision)


@given(st.integers(1, 10_000), st.integers(1, 10_000))
def test_a_varchar_keeps_its_values_exactly_when_it_does_not_shrink(old: int, new: int) -> None:
    assert modifier_keeps_values(builtin_type("varchar", old), builtin_type("varchar", new)) is (old <= new)


def test_a_using_clause_of_casts_around_the_column_is_followed() -> None:
    conversion = Conversion(CATALOG, ("public",), 18, "UTC")
    column = sql_type("varchar(20)")
    for written, kept in (("c", True), ("c::text", True), ("c::varchar(40)", True), ("c::varchar(5)", False)):
        node = parse_statement(f"SELECT {written}").node.target_list[0].res_target.val
        value = conversion.through(node, "c", column)
        assert value is not None
        assert value.kept is kept, written
    for written in ("c || ''", "upper(c)", "'x'", "b"):
        node = parse_statement(f"SELECT {written}").node.target_list[0].res_target.val
        assert conversion.through(node, "c", column) is None

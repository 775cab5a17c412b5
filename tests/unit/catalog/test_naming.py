"""Names that PostgreSQL chooses, cut to fit."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sluicegate.catalog.naming import LIMIT, choose, clip, column_name, index_column_names, join_name
from sluicegate.statements.parse import parse_statement

NAMES = st.text(st.characters(exclude_characters="\0", exclude_categories=["Cs"]), min_size=1, max_size=80)


@given(NAMES, st.none() | NAMES, st.sampled_from(["key", "pkey", "seq", "not_null"]))
def test_a_joined_name_fits_and_keeps_its_label(first, second, label):
    name = join_name(first, second, label)
    assert len(name.encode()) <= LIMIT
    assert name.endswith(f"_{label}")


@given(NAMES)
def test_clipping_never_splits_a_character(name):
    assert name.startswith(clip(name))
    assert len(clip(name).encode()) <= LIMIT


def test_a_taken_name_gets_the_next_number():
    taken = {"t_a_idx", "t_a_idx1"}
    assert choose("t", "a", "idx", taken.__contains__) == "t_a_idx2"


def test_equal_index_columns_are_numbered():
    assert index_column_names(["expr", "expr", "a", "expr"]) == ["expr", "expr1", "a", "expr2"]


@pytest.mark.parametrize(
    ("expression", "name"),
    [
        ("t.a", "a"),
        ("lower(x)", "lower"),
        ("a + 1", "?column?"),
        ("'x'::text", "text"),
        ("e::halfvec(3)", "e"),
        ("coalesce(a, b)", "coalesce"),
        ("current_date", "current_date"),
        ("(SELECT max(x) FROM t)", "max"),
        ("CASE WHEN a THEN b ELSE c END", "c"),
        ("CASE WHEN a THEN b END", "case"),
        ("a AT TIME ZONE 'utc'", "timezone"),
        ("ARRAY[1]", "array"),
        ("EXISTS (SELECT 1)", "exists"),
    ],
)
def test_an_output_column_is_named_after_its_expression(expression, name):
    assert column_name(parse_statement(f"SELECT {expression}").node.target_list[0].res_target.val) == name

"""Statements come with their exact text and place, whatever stands around them."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sluicegate.errors import ParseError
from sluicegate.statements.comments import comments
from sluicegate.statements.parse import parse_script, parse_statement


def test_statements_have_their_place_in_characters_and_no_comments_around():
    text = "-- hé\n /* x */ SELECT 'é' ; -- é\n\nALTER TABLE t ADD c int /* ü */;; \n-- end\n select 'ö' -- x"
    found = parse_script(text)
    assert [(s.sql, s.kind) for s in found] == [
        ("SELECT 'é'", "select_stmt"),
        ("ALTER TABLE t ADD c int", "alter_table_stmt"),
        ("select 'ö'", "select_stmt"),
    ]
    assert [text[s.start : s.end] for s in found] == [s.sql for s in found]


@given(st.lists(st.text(st.characters(exclude_characters="'\\\0", exclude_categories=["Cs"])), min_size=1, max_size=5))
def test_each_statement_is_found_again_in_the_text_it_came_from(contents):
    parts = [f"SELECT '{content}'" for content in contents]
    text = ";\n-- é\n".join(parts)
    found = parse_script(text)
    assert [s.sql for s in found] == parts
    assert [text[s.start : s.end] for s in found] == parts


@pytest.mark.parametrize(
    ("sql", "message", "offset"),
    [
        ("select 'é' f x y", 'syntax error at or near "x"', 13),
        ("select 1;\0 drop table t", "The SQL holds a NUL character, which PostgreSQL never accepts.", 9),
        ("select $é$ é", 'unterminated dollar-quoted string at or near "$é$ é"', 7),
        ("", "Expected one SQL statement, found no statement.", 0),
        ("select 1; select 2", "Expected one SQL statement, found 2 statements.", 10),
        ("select 1" + "+1" * 100_000, "An expression has more than 5000 operators in a row.", 10_008),
        ("select '\ud800'", "The SQL holds half of a surrogate pair, which is not text.", 8),
    ],
    ids=["syntax", "nul", "dollar", "empty", "two", "chain", "surrogate"],
)
def test_what_is_not_one_statement_is_refused_with_its_place(sql, message, offset):
    with pytest.raises(ParseError) as caught:
        parse_statement(sql)
    assert (caught.value.message, caught.value.offset) == (message, offset)


def test_nesting_beyond_all_reason_is_refused_and_a_long_chain_is_read():
    with pytest.raises(ParseError, match="nests expressions too deeply"):
        parse_statement("select 1" + "+1" * 3_000)
    with pytest.raises(ParseError):
        parse_statement("select " + "not " * 50_000 + "true")
    assert parse_statement("select " + "a||" * 80 + "b").kind == "select_stmt"


def test_comments_are_found_where_they_stand_and_not_inside_strings():
    text = "select '-- no' -- sé: yes\n  /* alone */\n from t"
    assert [(c.text, text[c.start : c.end], c.alone) for c in comments(text)] == [
        ("sé: yes", "-- sé: yes", False),
        ("alone", "/* alone */", True),
    ]

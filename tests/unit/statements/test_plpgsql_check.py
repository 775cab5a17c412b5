"""Errors of PL/pgSQL that are there before anything runs, and the ones it raises."""

from __future__ import annotations

import pytest

from sluicegate.statements.plpgsql import Sort, embedded_sql
from sluicegate.statements.plpgsql_check import compile_error
from sluicegate.statements.plpgsql_raise import raised


@pytest.mark.parametrize(
    ("body", "sqlstate"),
    [
        ("BEGIN nosuch := 1; END", "42601"),
        ("BEGN END", "42601"),
        ("BEGIN RETRN 1; END", "42601"),
        ("DECLARE a int; a text; BEGIN END", "42601"),
        ("BEGIN NULL; EXCEPTION WHEN nosuch_condition THEN NULL; END", "42704"),
    ],
)
def test_a_body_that_does_not_compile_is_refused(body: str, sqlstate: str) -> None:
    found = compile_error(f"DO $x$ {body} $x$")
    assert found is not None
    assert found[0] == sqlstate


@pytest.mark.parametrize(
    "statement",
    [
        "DO $$ DECLARE r record; BEGIN FOR r IN SELECT 1 LOOP NULL; END LOOP; END $$",
        "CREATE FUNCTION f() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN NEW.a := 1; RETURN NEW; END $$",
        "CREATE FUNCTION f(x app.foo) RETURNS app.foo LANGUAGE plpgsql AS $$ DECLARE y app.foo; BEGIN RETURN x; END $$",
        "DO $$ DECLARE r users; BEGIN SELECT * INTO r FROM users; r.id := 1; END $$",
    ],
)
def test_types_that_only_a_database_knows_prove_nothing(statement: str) -> None:
    assert compile_error(statement) is None


@pytest.mark.parametrize(
    ("statement", "sqlstate"),
    [
        ("RAISE EXCEPTION 'x'", "P0001"),
        ("RAISE 'x %', 1", "P0001"),
        ("raise exception 'x' using errcode = '22012'", "22012"),
        ("RAISE EXCEPTION 'x' USING HINT = 'y', ERRCODE = 'unique_violation'", "23505"),
        ("RAISE division_by_zero", "22012"),
        ("RAISE SQLSTATE '22023' USING MESSAGE = 'x'", "22023"),
        ("RAISE EXCEPTION USING MESSAGE = 'x'", "P0001"),
        ("RAISE NOTICE 'x'", None),
        ("RAISE", None),
        ("RAISE some_rare_condition", None),
    ],
)
def test_the_error_of_a_raise_is_known(statement: str, sqlstate: str | None) -> None:
    assert raised(statement) == sqlstate


def test_a_loop_over_constants_is_read_once_for_each() -> None:
    body = (
        "DECLARE t text; BEGIN FOREACH t IN ARRAY ARRAY['a', 'b']::text[] LOOP"
        " EXECUTE format('DROP TABLE %I', t); END LOOP; UPDATE c SET x = 1; END"
    )
    pieces = [(piece.sql, piece.conditional) for piece in embedded_sql(body) if piece.sort is not Sort.EXPRESSION]
    assert pieces == [("DROP TABLE a", False), ("DROP TABLE b", False), ("UPDATE c SET x = 1", False)]

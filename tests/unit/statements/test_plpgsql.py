"""The SQL in PL/pgSQL is found in order, in its place, and what is put together at run time is said to be unknown."""

from __future__ import annotations

import pytest

from sluicegate.errors import ParseError
from sluicegate.statements.constant_text import constant_text
from sluicegate.statements.parse import parse_statement
from sluicegate.statements.plpgsql import Sort, body_of, embedded_sql

BODY = """
<<outer>>
DECLARE
  r record; n int := 3; -- é
  tbl text := 'orders';
BEGIN
  IF NOT EXISTS (SELECT FROM pg_roles WHERE rolname = 'app') THEN
    CREATE ROLE app NOLOGIN;
  ELSIF n > 3 THEN
    ALTER TABLE t ADD COLUMN z int;
  ELSE NULL;
  END IF;
  SELECT count(*), max(a) INTO STRICT n, r.x FROM t WHERE a > 1;
  INSERT INTO t (a) VALUES (1) RETURNING id INTO n;
  EXECUTE format('ALTER TABLE %I ADD COLUMN %I int DEFAULT %L', tbl, 'My', 'a''b') USING n;
  EXECUTE 'DROP TABLE ' || r.name;
  FOR r IN SELECT * FROM users LOOP
    UPDATE t SET a = r.id WHERE CASE WHEN a > 1 THEN true ELSE false END;
  END LOOP;
  FOR i IN 1..10 LOOP PERFORM pg_sleep(1); END LOOP;
  CASE n WHEN 1 THEN DELETE FROM t; ELSE RAISE NOTICE 'x %', n; END CASE;
  BEGIN
    TRUNCATE p;
  EXCEPTION WHEN duplicate_object OR others THEN
    DROP TABLE q;
  END;
  NEW.x := 3;
  RETURN NEW;
END outer;
"""


def test_every_statement_comes_in_order_with_its_place_and_whether_it_may_be_skipped():
    found = [piece for piece in embedded_sql(BODY) if piece.sort is not Sort.EXPRESSION]
    assert [(piece.statement and piece.statement.kind, piece.conditional) for piece in found] == [
        ("create_role_stmt", True),
        ("alter_table_stmt", True),
        ("select_stmt", False),
        ("insert_stmt", False),
        ("alter_table_stmt", False),
        (None, False),
        ("select_stmt", False),
        ("update_stmt", True),
        ("delete_stmt", True),
        ("truncate_stmt", False),
        ("drop_stmt", True),
    ]
    assert all(BODY[p.offset :].startswith(p.sql[:12]) for p in found if p.sort is Sort.STATEMENT)


def test_into_names_variables_and_no_new_table():
    select = next(p for p in embedded_sql(BODY) if p.sql.startswith("SELECT count"))
    assert not select.statement.node.HasField("into_clause")
    assert select.sql.split() == ["SELECT", "count(*),", "max(a)", "FROM", "t", "WHERE", "a", ">", "1"]


def test_execute_of_constants_is_known_and_of_anything_else_is_not():
    dynamic = [p for p in embedded_sql(BODY) if p.sort is Sort.DYNAMIC]
    assert [(p.sql, p.unknown) for p in dynamic] == [
        ("ALTER TABLE orders ADD COLUMN \"My\" int DEFAULT 'a''b'", ""),
        ("'DROP TABLE ' || r.name", "EXECUTE runs SQL that is put together at run time: 'DROP TABLE ' || r.name"),
    ]


def test_a_variable_that_changes_is_no_constant():
    body = "DECLARE t text := 'a'; BEGIN LOOP EXECUTE 'DROP TABLE ' || t; t := 'b'; END LOOP; END"
    assert [p.unknown != "" for p in embedded_sql(body) if p.sort is Sort.DYNAMIC] == [True]


def test_a_trigger_function_is_read_like_any_other():
    body = "BEGIN UPDATE t SET a = NEW.a; RETURN NEW; END"
    function = parse_statement(f"CREATE FUNCTION f() RETURNS trigger LANGUAGE plpgsql AS $$ {body} $$").node
    language, text = body_of(function)
    assert language == "plpgsql"
    assert [p.sql for p in embedded_sql(text)] == ["UPDATE t SET a = NEW.a", "SELECT NEW"]


def test_a_body_that_ends_too_early_is_refused():
    with pytest.raises(ParseError, match="ends where ; is expected"):
        embedded_sql("BEGIN DROP TABLE t")


@pytest.mark.parametrize(
    ("expression", "text"),
    [
        ("'a' || 'b'", "ab"),
        ("format('%s.%I %% %2$L', 's', 'Tab')", "s.\"Tab\" % 'Tab'"),
        ("quote_ident('select') || quote_literal('it''s')", "\"select\"'it''s'"),
        ("format('%-10s', 'x')", None),
        ("'a' || b", None),
        ("now()::text", None),
    ],
)
def test_text_made_of_constants_is_known(expression, text):
    assert constant_text(expression, {}) == text

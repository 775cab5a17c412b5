"""Syntax of a later PostgreSQL is a syntax error on an older one, exactly where the server says so."""

from __future__ import annotations

import psycopg
import pytest

from sluicegate.effects.versions import newer_syntax
from sluicegate.statements.parse import parse_script

FORMS = [
    "ALTER TABLE t ADD COLUMN z int GENERATED ALWAYS AS (a * 2) VIRTUAL",
    "ALTER TABLE t ADD COLUMN z int GENERATED ALWAYS AS (a * 2)",
    "ALTER TABLE t ADD COLUMN z int GENERATED ALWAYS AS (a * 2) STORED",
    "ALTER TABLE t ADD CONSTRAINT z CHECK (a > 0) NOT ENFORCED",
    "ALTER TABLE t ADD COLUMN z int CHECK (z > 0) NOT ENFORCED",
    "ALTER TABLE t ADD CONSTRAINT z NOT NULL a",
    "ALTER TABLE t ADD CONSTRAINT z NOT NULL a NOT VALID",
    "ALTER TABLE t ALTER COLUMN a SET NOT NULL",
    "ALTER TABLE t ALTER CONSTRAINT t_check NOT ENFORCED",
    "ALTER TABLE t ALTER CONSTRAINT t_check INHERIT",
    "ALTER TABLE t ALTER COLUMN g SET EXPRESSION AS (a * 3)",
    "ALTER TABLE t ALTER COLUMN a SET STATISTICS DEFAULT",
    "ALTER TABLE t ALTER COLUMN a SET STATISTICS -1",
    "ALTER TABLE t ALTER COLUMN b SET STORAGE DEFAULT",
    "ALTER TABLE t SET ACCESS METHOD DEFAULT",
    "ALTER TABLE t SET ACCESS METHOD heap",
    "CREATE TABLE x (a int NOT NULL NO INHERIT)",
    "CREATE TABLE x (a int, CONSTRAINT nn NOT NULL a)",
    "CREATE TABLE x (a int CONSTRAINT nn NOT NULL)",
    "CREATE TABLE x (a int4range, b tsrange, UNIQUE (a, b WITHOUT OVERLAPS))",
    "CREATE TABLE x (a int UNIQUE NULLS NOT DISTINCT)",
    "CREATE TABLE x (a text STORAGE external)",
    "ALTER DOMAIN d ADD CONSTRAINT nn NOT NULL",
    "ALTER DOMAIN d SET NOT NULL",
    "CREATE DOMAIN d2 AS int CONSTRAINT nn NOT NULL",
    "MERGE INTO t USING s ON t.a = s.a WHEN MATCHED THEN DELETE",
    "MERGE INTO t USING s ON t.a = s.a WHEN MATCHED THEN DELETE RETURNING t.a",
    "MERGE INTO t USING s ON t.a = s.a WHEN NOT MATCHED BY SOURCE THEN DELETE",
    "UPDATE t SET a = 1 RETURNING WITH (OLD AS o) o.a",
    "SELECT * FROM (SELECT 1)",
    "CREATE STATISTICS ON a, b FROM t",
    "ANALYZE ONLY t",
    "GRANT MAINTAIN ON t TO PUBLIC",
    "SELECT now() AT LOCAL",
    "SELECT JSON_OBJECT('a': 1), JSON_ARRAY(1, 2)",
    "SELECT '1' IS JSON",
    "SELECT JSON_SCALAR(1)",
    "SELECT JSON_SERIALIZE('1')",
    "SELECT JSON('1')",
    "SELECT JSON('1' WITH UNIQUE KEYS)",
    "SELECT JSON_VALUE('{}'::jsonb, '$.a' RETURNING int)",
    "SELECT JSON_VALUE('{\"a\": 1}'::jsonb, '$.a')",
    "SELECT JSON_EXISTS('{}'::jsonb, '$.a')",
    "SELECT * FROM JSON_TABLE('[1]'::jsonb, '$[*]' COLUMNS (a int PATH '$')) AS j",
    "EXPLAIN SELECT * FROM (SELECT 1)",
]


@pytest.fixture
def connection(database):
    with psycopg.connect(database, autocommit=True) as connection:
        connection.execute(
            "CREATE TABLE t (a int, b text, g int GENERATED ALWAYS AS (a * 2) STORED, CONSTRAINT t_check CHECK (a > 0))"
            "; CREATE TABLE s (a int); CREATE DOMAIN d AS int"
        )
        yield connection


def test_syntax_errors_are_the_servers(server, connection):
    wrong = []
    for sql in FORMS:
        refusal = newer_syntax(parse_script(sql)[0], server.version)
        predicted = refusal and refusal.sqlstate
        try:
            with connection.transaction(force_rollback=True):
                connection.execute(sql)
            actual = None
        except (psycopg.errors.SyntaxError, psycopg.errors.UndefinedFunction) as error:
            actual = error.sqlstate
        except psycopg.Error:
            actual = None
        if predicted != actual:
            wrong.append((sql, predicted, actual))
    assert wrong == []

"""``sluicegate explain`` as people run it."""

from __future__ import annotations

import json
import os
import subprocess
import sys

import pytest

SCHEMA = """
CREATE EXTENSION vector;
CREATE TABLE users (id bigserial PRIMARY KEY, email text NOT NULL, seen timestamp);
CREATE INDEX users_seen_idx ON users (seen);
CREATE TABLE orders (id bigint PRIMARY KEY, user_id bigint REFERENCES users);
"""


@pytest.fixture
def explain(tmp_path):
    (tmp_path / "schema.sql").write_text(SCHEMA)

    def run(*arguments, stdin=None):
        return subprocess.run(
            [sys.executable, "-m", "sluicegate", "explain", *arguments],
            cwd=tmp_path,
            input=stdin,
            capture_output=True,
            text=True,
            env={**os.environ, "COLUMNS": "120"},
            check=False,
        )

    return run


def statements(result):
    assert result.returncode == 0, result.stderr
    return json.loads(result.stdout)["statements"]


def test_json_holds_the_contract(explain):
    result = explain(
        "--schema", "schema.sql", "--format", "json", "-c", "ALTER TABLE users ADD COLUMN n float DEFAULT random()"
    )
    (statement,) = statements(result)
    expected = {
        "sql": "ALTER TABLE users ADD COLUMN n float DEFAULT random()",
        "locks": [{"relation": "public.users", "mode": "AccessExclusiveLock"}],
        "rewrites": ["public.users"],
        "scans": ["public.users"],
        "index_builds": ["public.users"],
        "in_transaction": "allowed",
        "error": None,
        "certainty": "certain",
    }
    assert {key: statement[key] for key in expected} == expected


def test_text_says_who_waits(explain):
    result = explain("--schema", "schema.sql", "-c", "CREATE INDEX ON users (email); DROP TABLE orders")
    assert result.returncode == 0
    assert (
        result.stdout
        == """\
CREATE INDEX ON users (email)
  SHARE on public.users: writes wait, reads go on
  reads all of public.users: the index is built from every row
  writes an index of public.users

DROP TABLE orders
  ACCESS EXCLUSIVE on public.orders: reads and writes wait
  ACCESS EXCLUSIVE on public.users: reads and writes wait
  ACCESS EXCLUSIVE on index public.orders_pkey
  loses table public.orders
"""
    )


def test_statements_build_on_each_other_across_files(explain, tmp_path):
    (tmp_path / "1.sql").write_text("CREATE TABLE made (a int);\n\nINSERT INTO made VALUES (1);\n")
    (tmp_path / "2.sql").write_text("-- next\nALTER TABLE made ALTER COLUMN a TYPE bigint;\n")
    found = statements(explain("--schema", "schema.sql", "--format", "json", "1.sql", "2.sql"))
    assert [(s["file"], s["line"], s["rewrites"], s["certainty"]) for s in found] == [
        ("1.sql", 1, [], "certain"),
        ("1.sql", 3, [], "certain"),
        ("2.sql", 2, ["public.made"], "certain"),
    ]


def test_the_time_zone_decides_a_type_change(explain):
    sql = "ALTER TABLE users ALTER COLUMN seen TYPE timestamptz"
    common = ("--schema", "schema.sql", "--format", "json")
    assert statements(explain(*common, "-c", sql))[0]["rewrites"] == []
    assert statements(explain(*common, "--timezone", "Asia/Tokyo", "-c", sql))[0]["rewrites"] == ["public.users"]
    inside = statements(explain(*common, "-c", f"SET timezone = 'Asia/Tokyo'; {sql}"))
    assert inside[1]["rewrites"] == ["public.users"]


def test_a_transaction_block_forbids_and_aborts_as_on_the_server(explain):
    sql = (
        "BEGIN; CREATE INDEX CONCURRENTLY i ON users (email); ALTER TABLE users ADD x int; ROLLBACK; DROP TABLE orders"
    )
    found = statements(explain("--schema", "schema.sql", "--format", "json", "-c", sql))
    assert [s["error"] for s in found] == [
        None,
        "25001: CREATE INDEX CONCURRENTLY cannot run inside a transaction block",
        "25P02: current transaction is aborted, commands ignored until end of transaction block",
        None,
        None,
    ]


def test_syntax_of_a_later_version_is_an_error_there(explain):
    sql = "ALTER TABLE users ADD COLUMN g int GENERATED ALWAYS AS (id * 2) VIRTUAL"
    common = ("--schema", "schema.sql", "--format", "json", "-c", sql)
    assert statements(explain(*common, "--pg-version", "16"))[0]["error"] == '42601: syntax error at or near "VIRTUAL"'
    assert statements(explain(*common, "--pg-version", "18"))[0]["error"] is None


def test_a_broken_statement_is_reported_and_the_rest_is_judged(explain):
    result = explain(
        "--schema", "schema.sql", "--format", "json", "-", stdin="SELECT 1;\nALTER TABL users;\nDROP TABLE orders;"
    )
    assert result.returncode == 3
    found = json.loads(result.stdout)["statements"]
    assert [(s["error"], s["certainty"]) for s in found] == [
        (None, "certain"),
        ('42601: syntax error at or near "TABL"', "unknown"),
        (None, "certain"),
    ]


@pytest.mark.parametrize(
    ("arguments", "code", "words"),
    [
        ([], 2, "There is nothing to explain."),
        (["nosuch.sql"], 2, "nosuch.sql cannot be read: No such file or directory."),
        (["--pg-version", "9", "-c", "SELECT 1"], 2, "'9' is not one of"),
        (
            ["--schema", "broken.sql", "-c", "SELECT 1"],
            3,
            "The schema broken.sql is not SQL that PostgreSQL reads (line 2)",
        ),
        (["latin.sql"], 2, "latin.sql is not UTF-8 text."),
    ],
)
def test_what_cannot_be_read_is_said_without_a_traceback(explain, tmp_path, arguments, code, words):
    (tmp_path / "broken.sql").write_text("SELECT 1;\nCREATE TABEL t ();")
    (tmp_path / "latin.sql").write_bytes(b"SELECT '\xe9'")
    result = explain(*arguments)
    assert result.returncode == code
    assert words in result.stderr
    assert "Traceback" not in result.stderr

"""SQL files: places, transactions as the tools make them, and what cannot be read."""

from __future__ import annotations

from pathlib import Path

import pytest

from sluicegate.capture.model import CapturedRevision, CaptureMode
from sluicegate.capture.sqlfiles import SqlTool, capture_sql, ways_back


def grouped(revision: CapturedRevision) -> list[tuple[str, int | None]]:
    """Return each statement's first word with its transaction."""
    return [(s.sql.split()[0], s.transaction) for s in revision.statements]


def test_psql_gives_each_statement_its_own_transaction_until_begin() -> None:
    revision = capture_sql("SET lock_timeout = '2s';\nBEGIN;\nSELECT 1;\nCOMMIT;\nVACUUM;\n")
    assert grouped(revision) == [("SET", None), ("BEGIN", 1), ("SELECT", 1), ("COMMIT", 1), ("VACUUM", None)]
    assert [s.autocommit for s in revision.statements] == [True, False, False, False, True]
    assert [dict(s.settings) for s in revision.statements] == [{}, *[{"lock_timeout": "2s"}] * 4]


def test_places_count_characters_and_know_every_line_end() -> None:
    revision = capture_sql("-- é\r\n/* é */ SELECT 'é' ;\rSELECT\n 2", "x.sql")
    assert [
        (s.location.line, s.location.column, s.location.end_line, s.location.end_column, s.sql)
        for s in revision.statements
    ] == [(2, 9, 2, 19, "SELECT 'é'"), (3, 1, 4, 3, "SELECT\n 2")]


@pytest.mark.parametrize(
    ("file", "text", "expected"),
    [
        ("1.sql", "-- migrate:up\nSELECT 1; SELECT 2;\n-- migrate:down\nDROP TABLE t;", [1, 1]),
        ("1.sql", "-- migrate:up transaction:false\nVACUUM;\n-- migrate:down\nDROP TABLE t;", [None]),
        ("1.sql", "-- migrate:up transaction:false\nSELECT 1; SELECT 2;\n-- migrate:down\n", [1, 1]),
        ("000001_x.up.sql", "SELECT 1; SELECT 2", [1, 1]),
        ("000001_x.up.sql", "CREATE INDEX CONCURRENTLY i ON t (x)", [None]),
        ("000001_x.up.sql", "SELECT 1; COMMIT; SELECT 2", [1, 1, 2]),
        ("V1__x.sql", "SELECT 1; SELECT 2", [1, 1]),
        ("R__views.sql", "SELECT 1; SELECT 2", [1, 1]),
        ("V1__x.sql", "SELECT 1; CREATE INDEX CONCURRENTLY i ON t (x)", [None, None]),
        ("V1__x.sql", "VACUUM", [None]),
        ("V1__x.sql", "ANALYZE", [1]),
        ("20240101_x/migration.sql", "SELECT 1; SELECT 2", [1, 1]),
        ("schema.sql", "SELECT 1; SELECT 2", [None, None]),
    ],
)
def test_tools_group_statements_as_they_send_them(file: str, text: str, expected: list[int | None]) -> None:
    assert [s.transaction for s in capture_sql(text, file).statements] == expected


def test_a_tool_may_be_named() -> None:
    revision = capture_sql("SELECT 1; SELECT 2", "anything.sql", tool=SqlTool.FLYWAY)
    assert [s.transaction for s in revision.statements] == [1, 1]


def test_flyways_own_configuration_of_a_file_is_obeyed(tmp_path: Path) -> None:
    file = tmp_path / "V1__x.sql"
    file.write_text("SELECT 1; SELECT 2")
    Path(f"{file}.conf").write_text("executeInTransaction=false\n")
    assert [s.transaction for s in capture_sql(file).statements] == [None, None]


def test_a_dbmate_file_that_only_goes_down_has_no_statements() -> None:
    assert capture_sql("-- migrate:down\nDROP TABLE t;\n").statements == ()


def test_what_parses_is_judged_beside_what_does_not() -> None:
    text = "CREATE TABLE a ();\nCREATE TABEL b ();\n\\i more.sql\nDROP TABLE a;\nSELECT '"
    revision = capture_sql(text, "x.sql")
    assert revision.mode is CaptureMode.PARTIAL
    assert [s.sql for s in revision.statements] == ["CREATE TABLE a ()", "DROP TABLE a"]
    reasons = [(revision.reason, revision.reason_location), *revision.more_reasons]
    assert [(reason, place.line, place.column) for reason, place in reasons if place] == [
        ('PostgreSQL\'s parser says: syntax error at or near "TABEL"', 2, 8),
        ("what psql does for \\i is not read", 3, 1),
        ("PostgreSQL's parser says: unterminated quoted string at or near \"'\"", 5, 8),
    ]


def test_a_file_in_which_nothing_parses_is_unreadable() -> None:
    assert capture_sql("this is no sql").mode is CaptureMode.UNREADABLE


def test_nul_bytes_and_other_encodings_are_named(tmp_path: Path) -> None:
    nul = tmp_path / "nul.sql"
    nul.write_bytes(b"SELECT 1;\nSELECT '\0';\n")
    revision = capture_sql(nul)
    assert (len(revision.statements), revision.mode) == (1, CaptureMode.PARTIAL)
    assert revision.reason == "PostgreSQL's parser says: The SQL holds a NUL character, which PostgreSQL never accepts."
    latin = tmp_path / "latin.sql"
    latin.write_bytes("SELECT 1;\nSELECT 'é';\n".encode("latin-1"))
    revision = capture_sql(latin, "latin.sql")
    assert revision.reason == "the file is not UTF-8: byte 0xE9 and others like it are read as \ufffd"
    assert (revision.reason_location.line, revision.reason_location.column) == (2, 9)
    assert len(revision.statements) == 2


@pytest.mark.parametrize("encoding", ["utf-8-sig", "utf-16"])
def test_byte_order_marks_are_understood(tmp_path: Path, encoding: str) -> None:
    file = tmp_path / "marked.sql"
    file.write_bytes("SELECT 'é'".encode(encoding))
    revision = capture_sql(file)
    assert [(s.sql, s.location.column) for s in revision.statements] == [("SELECT 'é'", 1)]


def test_a_missing_file_is_a_reason_and_no_exception(tmp_path: Path) -> None:
    revision = capture_sql(tmp_path / "gone.sql", "gone.sql")
    assert (revision.mode, revision.reason) == (
        CaptureMode.UNREADABLE,
        "the file cannot be read: No such file or directory",
    )


def test_a_dump_is_read_with_its_data_passed_over() -> None:
    text = "\\restrict abc\nCREATE TABLE t (a int);\nCOPY t (a) FROM stdin;\n1\n2\n\\.\nSELECT 1;\n\\unrestrict abc\n"
    revision = capture_sql(text)
    assert (revision.mode, [s.sql.split()[0] for s in revision.statements]) == (
        CaptureMode.RECORDED,
        ["CREATE", "COPY", "SELECT"],
    )


def test_goose_runs_its_way_up_in_one_transaction_unless_the_file_says_otherwise() -> None:
    text = (
        "-- +goose Up\n-- +goose StatementBegin\nSELECT 1;\n-- +goose StatementEnd\nSELECT 2;\n"
        "-- +goose Down\nSELECT 3;\n"
    )
    inside = capture_sql(text).statements
    assert [statement.sql for statement in inside] == ["SELECT 1", "SELECT 2"]
    assert {statement.autocommit for statement in inside} == {False}
    apart = capture_sql("-- +goose NO TRANSACTION\n" + text).statements
    assert {statement.autocommit for statement in apart} == {True}


def test_a_way_back_is_known_by_the_way_there_beside_it() -> None:
    names = ["1_a.up.sql", "1_a.down.sql", "2_b.down.sql", "x/up.sql", "x/down.sql", "V1.2__a.sql", "U1.2__a.sql"]
    back = ways_back([Path(name) for name in names])
    assert {str(one): str(other) for one, other in back.items()} == {
        "1_a.down.sql": "1_a.up.sql",
        "x/down.sql": "x/up.sql",
        "U1.2__a.sql": "V1.2__a.sql",
    }

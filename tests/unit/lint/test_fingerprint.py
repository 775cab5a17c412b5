"""A finding is known again after the edits that people make, and only then."""

from __future__ import annotations

from dataclasses import replace

from hypothesis import given
from hypothesis import strategies as st

from sluicegate.findings import Finding, Level, Location
from sluicegate.lint.fingerprint import with_fingerprints

DROP = Finding(
    "drop-column", Level.ERROR, Location("a.py", 3, 5, 3, 9), "r1", "Harm.", sql="ALTER TABLE t DROP COLUMN c"
)


def fingerprint(finding: Finding, sources: dict[str, str] | None = None) -> str:
    return with_fingerprints([finding], sources or {})[0].fingerprint


def test_lines_names_of_files_words_and_levels_do_not_matter():
    moved = replace(
        DROP,
        location=Location("b/renamed.py", 90, 1, 95, 2),
        message="Other words, 5 GB.",
        level=Level.INFO,
        remedy="x",
    )
    assert fingerprint(moved) == fingerprint(DROP)


def test_the_layout_of_a_statement_does_not_matter():
    again = replace(DROP, sql="alter table  t\n  -- old\n  drop column C")
    assert fingerprint(again) == fingerprint(DROP)


def test_rule_revision_and_names_matter():
    others = [
        replace(DROP, rule="drop-vector-column"),
        replace(DROP, revision="r2"),
        replace(DROP, sql="ALTER TABLE t DROP COLUMN d"),
        replace(DROP, sql='ALTER TABLE t DROP COLUMN "C"'),
    ]
    assert len({fingerprint(one) for one in [DROP, *others]}) == 5


def test_constants_matter():
    one, other = (replace(DROP, sql=f"ALTER TABLE t ADD COLUMN c int DEFAULT {value}") for value in (1, 2))
    assert fingerprint(one) != fingerprint(other)


def test_the_same_statement_twice_gives_two_fingerprints_and_the_first_stays():
    both = with_fingerprints([DROP, replace(DROP, location=Location("a.py", 7))], {})
    assert both[0].fingerprint == fingerprint(DROP)
    assert both[1].fingerprint != both[0].fingerprint


def test_a_finding_about_a_whole_revision_does_not_depend_on_its_text():
    whole = replace(DROP, rule="missing-downgrade", sql="")
    assert fingerprint(whole, {"a.py": "one\n"}) == fingerprint(whole, {"a.py": "quite\nanother\ntext\n"})


def test_a_piece_of_an_sql_file_is_known_by_its_text():
    def piece(line: int, text: str) -> str:
        finding = Finding("unreadable-sql", Level.ERROR, Location("a.sql", line, 1, line, 5), None, "Harm.")
        return fingerprint(finding, {"a.sql": text})

    assert piece(1, "drop tabel t") == piece(2, "-- moved\n  drop  tabel t")
    assert piece(1, "drop tabel t") != piece(1, "drop tabel u")


@given(st.text())
def test_any_text_for_a_statement_has_a_fingerprint(sql):
    assert len(fingerprint(replace(DROP, sql=sql))) == 32

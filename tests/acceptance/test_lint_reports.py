"""`sluicegate lint --output`: reports in files beside the one that people read."""

from __future__ import annotations

import json

import pytest

from sluicegate.cli import run

SQL = "ALTER TABEL events;"


@pytest.fixture
def folder(tmp_path, monkeypatch):
    (tmp_path / ".git").mkdir()
    (tmp_path / "change.sql").write_text(SQL)
    monkeypatch.chdir(tmp_path)
    return tmp_path


def test_several_reports_are_written_and_people_still_read_text(folder, capsys):
    code = run(["lint", "change.sql", "--output", "sarif=reports/lint.sarif", "--output", "junit=reports/lint.xml"])
    assert code == 3
    assert capsys.readouterr().out.startswith("error[unreadable-sql] change.sql:1:7\n")
    assert json.loads((folder / "reports" / "lint.sarif").read_text())["version"] == "2.1.0"
    assert (folder / "reports" / "lint.xml").read_text().startswith("<?xml")


@pytest.mark.parametrize(
    ("value", "message"),
    [
        ("lint.sarif", "'lint.sarif' is not FORMAT=PATH; the formats are text, json, sarif, github, gitlab, junit"),
        ("pdf=lint.pdf", "'pdf=lint.pdf' is not FORMAT=PATH"),
        ("sarif=", "'sarif=' is not FORMAT=PATH"),
        ("sarif=change.sql/lint.sarif", "The report change.sql/lint.sarif cannot be written: "),
    ],
)
def test_a_place_that_cannot_be_written_to_is_refused_with_2(folder, capsys, value, message):
    assert run(["lint", "change.sql", "--output", value]) == 2
    assert message in capsys.readouterr().err

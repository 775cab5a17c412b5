"""A waiver names a rule, a place, an owner, a reason and a day; anything less is refused at its line."""

from __future__ import annotations

import datetime as dt

import pytest

from sluicegate.errors import UsageError
from sluicegate.findings import Finding, Level, Location
from sluicegate.lint.waivers import load_waivers

WHOLE = """\
[[waiver]]
rule = "drop-column"
revision = "0007"
owner = "ada@example.org"
reason = "nothing reads it"
expires = 2027-01-31
"""


def load(tmp_path, text):
    path = tmp_path / "waivers.toml"
    path.write_text(text)
    return load_waivers(path, {"drop-column", "drop-table"}, tmp_path)


def test_a_waiver_covers_its_rule_in_its_revision_wherever_the_file_is(tmp_path):
    (waiver,) = load(tmp_path, WHOLE)
    assert (waiver.owner, waiver.expires, waiver.location.line) == ("ada@example.org", dt.date(2027, 1, 31), 1)
    drop = Finding("drop-column", Level.ERROR, Location("anywhere.py"), "0007", "Harm.")
    assert waiver.covers(drop)
    assert not waiver.covers(Finding("drop-table", Level.ERROR, Location("anywhere.py"), "0007", "Harm."))
    assert not waiver.covers(Finding("drop-column", Level.ERROR, Location("anywhere.py"), "0008", "Harm."))


def test_a_waiver_of_an_sql_file_is_read_from_the_projects_folder(tmp_path, monkeypatch):
    (waiver,) = load(tmp_path, WHOLE.replace('revision = "0007"', 'file = "sql/7.sql"'))
    (tmp_path / "sql").mkdir()
    monkeypatch.chdir(tmp_path / "sql")
    assert waiver.covers(Finding("drop-column", Level.ERROR, Location("7.sql"), None, "Harm."))
    assert not waiver.covers(Finding("drop-column", Level.ERROR, Location("8.sql"), None, "Harm."))


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ('owner = "ada@example.org"\n', "", "line 1: the waiver has no owner."),
        ('reason = "nothing reads it"\n', 'reason = ""\n', "line 1: the waiver has no reason."),
        ("expires = 2027-01-31\n", "", "line 1: the waiver has no expires."),
        ("2027-01-31", '"2027-01-31"', "line 1: the waiver's expires is not a date, such as 2027-01-31 without"),
        ("2027-01-31", "2027-01-31T10:00:00", "line 1: the waiver's expires is not a date"),
        ("drop-column", "drop-colum", "line 1: there is no rule 'drop-colum'."),
        ('revision = "0007"\n', "", "line 1: a waiver is about one revision or one file."),
        ('revision = "0007"\n', 'revision = 7\n', "line 1: the waiver's revision is not a text."),
        ('owner =', 'because = "x"\nowner =', "line 1: a waiver has no 'because'."),
        ("[[waiver]]", "[waiver]", "holds something else than [[waiver]] tables."),
        ("[[waiver]]", "[[waivers]]", "holds something else than [[waiver]] tables."),
        ("rule = ", "rule ", "is no valid TOML"),
    ],
)  # fmt: skip
def test_what_makes_no_sense_is_refused(tmp_path, old, new, message):
    with pytest.raises(UsageError) as error:
        load(tmp_path, WHOLE.replace(old, new))
    assert message in error.value.message
    assert error.value.hint


def test_the_line_of_the_second_waiver_is_named(tmp_path):
    with pytest.raises(UsageError, match=r"waivers\.toml, line 9: the waiver has no owner"):
        load(tmp_path, WHOLE + "\n# two\n" + WHOLE.replace('owner = "ada@example.org"\n', ""))

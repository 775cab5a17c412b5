"""A baseline's file reads back as it was written, and one that is damaged is refused."""

from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sluicegate.errors import UsageError
from sluicegate.findings import Finding, Level, Location
from sluicegate.lint.baseline import Known, baseline_text, known_as, load_baseline, write_baseline

TEXTS = st.text(st.characters(codec="utf-8"))
KNOWN = st.builds(Known, TEXTS, TEXTS, st.none() | TEXTS, TEXTS, TEXTS)
DROP = Finding(
    "drop-column", Level.ERROR, Location("a.py", 3), "r1", "Harm.", sql="ALTER TABLE t\n  DROP c", fingerprint="f1"
)


@given(st.lists(KNOWN, unique_by=lambda one: one.fingerprint))
def test_what_is_written_is_read_back(tmp_path_factory, entries):
    path = tmp_path_factory.mktemp("baseline") / "baseline.json"
    path.write_text(baseline_text(entries), encoding="utf-8")
    assert load_baseline(path).known == {one.fingerprint: one for one in entries}


def test_the_file_has_a_line_for_each_finding_in_a_fixed_order(tmp_path):
    path = tmp_path / "safety" / "baseline.json"
    other = Known("f0", "drop-table", "r0", "0.py", "DROP TABLE t")
    write_baseline(path, [DROP], [other])
    assert path.read_text() == (
        "{\n"
        '  "version": 1,\n'
        '  "findings": [\n'
        '    {"fingerprint": "f0", "rule": "drop-table", "revision": "r0", "file": "0.py", '
        '"statement": "DROP TABLE t"},\n'
        '    {"fingerprint": "f1", "rule": "drop-column", "revision": "r1", "file": "a.py", '
        '"statement": "ALTER TABLE t DROP c"}\n'
        "  ]\n"
        "}\n"
    )


def test_an_empty_baseline_is_a_baseline(tmp_path):
    path = tmp_path / "baseline.json"
    write_baseline(path, [])
    assert load_baseline(path).known == {}


def test_a_long_statement_is_shortened():
    long = known_as(Finding("r", Level.INFO, Location("a"), "a", "m", sql="SELECT " + "x" * 500))
    assert (len(long.statement), long.statement[-1]) == (120, "…")


@pytest.mark.parametrize(
    "text",
    [
        "",
        "<<<<<<< HEAD\n",
        "[]",
        json.dumps({"version": 2, "findings": []}),
        json.dumps({"version": 1}),
        json.dumps({"version": 1, "findings": [{"rule": "x", "file": "y"}]}),
        json.dumps({"version": 1, "findings": ["x"]}),
        "\xff",
    ],
)
def test_a_damaged_file_is_refused_with_what_to_do(tmp_path, text):
    path = tmp_path / "baseline.json"
    path.write_text(text, encoding="latin-1")
    with pytest.raises(UsageError) as error:
        load_baseline(path)
    assert str(path) in error.value.message
    assert "sluicegate lint --write-baseline" in error.value.hint


def test_a_missing_file_is_said(tmp_path):
    with pytest.raises(UsageError, match="There is no baseline at"):
        load_baseline(tmp_path / "baseline.json")

"""Every format validates against its published schema and holds the findings that JSON holds."""

from __future__ import annotations

import json
import re
from dataclasses import replace
from pathlib import Path
from xml.etree import ElementTree as ET

import jsonschema
import pytest
from hypothesis import given
from hypothesis import strategies as st
from lxml import etree

from sluicegate.capture.model import CaptureMode
from sluicegate.findings import Finding, Level, Location
from sluicegate.lint.fingerprint import with_fingerprints
from sluicegate.lint.report import JudgedRevision, Report
from sluicegate.lint.run import LintRequest, run_lint
from sluicegate.render.formats import FORMATS, renderer
from sluicegate.render.markdown import LIMIT
from sluicegate.rules.kit.catalogue import all_rules

SCHEMAS = Path(__file__).resolve().parents[2] / "data" / "schemas"


@pytest.fixture(scope="module")
def report(tmp_path_factory) -> Report:
    """Files that were really judged: clean, three levels of findings, names and strings that formats must escape."""
    folder = tmp_path_factory.mktemp("sql")
    texts = {
        "clean.sql": "CREATE TABLE fresh (id bigint PRIMARY KEY);",
        "größe & <1>.sql": 'ALTER TABLE t\n  DROP COLUMN "naïve%, col:on";\nDROP TABLE t;',
        "broken.sql": "CREATE TABLE other (id bigint PRIMARY KEY);\nALTER TABEL other;",
    }
    schema = folder / "schema"
    schema.write_text('CREATE TABLE t (id bigint PRIMARY KEY, "naïve%, col:on" text);', encoding="utf-8")
    for name, text in texts.items():
        (folder / name).write_text(text, encoding="utf-8")
    return run_lint(LintRequest(sql=tuple(folder / name for name in texts), schema=schema))


def as_json(report: Report) -> list[dict]:
    return json.loads(renderer("json")(report))["findings"]


def test_the_report_has_something_of_everything(report):
    assert {finding.level for finding in report.findings} >= {Level.ERROR, Level.WARN}
    assert [Path(revision.file).name for revision in report.unread] == ["broken.sql"]


def test_sarif_is_valid_and_holds_the_same_findings(report):
    log = json.loads(renderer("sarif")(report))
    jsonschema.validate(log, json.loads((SCHEMAS / "sarif-2.1.0.json").read_text()))
    (run,) = log["runs"]
    assert [
        (r["ruleId"], r["partialFingerprints"]["sluicegate/v1"], r["locations"][0]["physicalLocation"]["region"])
        for r in run["results"]
    ] == [
        (
            f["rule"],
            f["fingerprint"],
            {
                "startLine": f["line"],
                "startColumn": f["column"],
                "endLine": f["end_line"],
                "endColumn": f["end_column"],
            },
        )
        for f in as_json(report)
    ]
    rules = run["tool"]["driver"]["rules"]
    assert all(rules[result["ruleIndex"]]["id"] == result["ruleId"] for result in run["results"])
    assert all("markdown" in rule["help"] for rule in rules)


def test_sarif_tells_what_could_not_be_read(report):
    (invocation,) = json.loads(renderer("sarif")(report))["runs"][0]["invocations"]
    assert (invocation["executionSuccessful"], invocation["exitCode"]) == (False, 3)
    assert len(invocation["toolExecutionNotifications"]) == 1


def test_sarif_names_relative_files_below_the_checkout_and_escapes_them():
    one = Finding("drop-column", Level.ERROR, Location("a b/größe.py", 1, 1, 1, 2), "r", "Harm.", fingerprint="f")
    log = json.loads(renderer("sarif")(Report((), (one,))))
    assert log["runs"][0]["results"][0]["locations"][0]["physicalLocation"]["artifactLocation"] == {
        "uri": "a%20b/gr%C3%B6%C3%9Fe.py",
        "uriBaseId": "%SRCROOT%",
    }


def test_junit_is_valid_and_holds_the_same_findings(report):
    text = renderer("junit")(report)
    etree.XMLSchema(etree.parse(SCHEMAS / "jenkins-junit.xsd")).assertValid(etree.fromstring(text.encode()))
    suite = ET.fromstring(text.encode()).find("testsuite")
    said = [failure.text for failure in suite.iter("failure")] + [out.text for out in suite.iter("system-out")]
    assert sorted(re.match(r"(\w+)\[(.+?)\] (.+)\n", one).groups() for one in said) == sorted(
        (f["level"], f["rule"], f"{f['file']}:{f['line']}:{f['column']}") for f in as_json(report)
    )
    assert len(list(suite.iter("failure"))) == sum(map(report.fails, report.findings))
    assert (suite.get("tests"), suite.get("errors")) == ("3", "1")


def test_gitlab_is_valid_and_holds_the_same_findings(report):
    entries = json.loads(renderer("gitlab")(report))
    jsonschema.validate(entries, json.loads((SCHEMAS / "gitlab-code-quality.json").read_text()))
    assert [(e["check_name"], e["fingerprint"], e["location"]["lines"]["begin"]) for e in entries] == [
        (f["rule"], f["fingerprint"], f["line"]) for f in as_json(report)
    ]
    assert len({entry["fingerprint"] for entry in entries}) == len(entries)


def test_gitlab_shows_a_file_that_could_not_be_read_though_no_rule_says_so():
    unread = JudgedRevision("r1", "a.py", CaptureMode.UNREADABLE, 0, "ImportError: no module named app")
    entries = json.loads(renderer("gitlab")(Report((unread,), ())))
    jsonschema.validate(entries, json.loads((SCHEMAS / "gitlab-code-quality.json").read_text()))
    assert [(e["check_name"], e["severity"]) for e in entries] == [("could-not-read", "blocker")]


def test_github_has_a_command_for_each_finding_and_nothing_breaks_out_of_it(report):
    lines = renderer("github")(report).splitlines()
    commands = [line for line in lines if line.startswith("::")]
    assert len(commands) == len(report.findings)
    assert all(re.fullmatch(r"::(error|warning|notice) [^:]*::[^\r]*", line) for line in commands)
    assert sum("%25%2C col%3Aon" in line or "%25, col:on" in line for line in commands) >= 1


def test_a_github_command_in_full():
    place = Location("migrations/0005.py", 11, 5, 11, 40)
    findings = (
        Finding("drop-view", Level.WARN, replace(place, end_line=13), None, "Gone."),
        Finding("drop-column", Level.ERROR, place, "0005", "100 %, lost.", remedy="one\ntwo"),
    )
    assert renderer("github")(Report((), findings, postgresql=18)) == (
        "::error file=migrations/0005.py,line=11,endLine=11,title=drop-column (revision 0005),col=5,endColumn=40"
        "::100 %25, lost.%0A%0AInstead:%0Aone%0Atwo\n"
        "::warning file=migrations/0005.py,line=11,endLine=13,title=drop-view::Gone.\n"
        "0 revisions, 0 statements judged for PostgreSQL 18: 1 error, 1 warning.\n"
    )


def test_markdown_in_full():
    finding = Finding(
        "drop-column",
        Level.ERROR,
        Location("migrations/0005.py", 11, 5, 11, 40),
        "0005",
        "The values of *events.kind* are lost, says <b>@boss</b>.",
        remedy='op.execute("`")',
        sql="ALTER TABLE events DROP COLUMN kind",
    )
    judged = JudgedRevision("0005", "migrations/0005.py", CaptureMode.RECORDED, 1)
    assert renderer("markdown")(Report((judged,), (finding,), postgresql=18)) == (
        "<!-- sluicegate lint -->\n"
        "## Migrations: 1 to correct\n"
        "\n"
        "1 revision, 1 statement judged for PostgreSQL 18: 1 error.\n"
        "\n"
        "### error: drop-column\n"
        "\n"
        "`migrations/0005.py:11 (revision 0005)`\n"
        "\n"
        r"The values of \*events.kind\* are lost, says &lt;b>&#64;boss&lt;/b>."
        "\n"
        "\n"
        "```sql\n"
        "ALTER TABLE events DROP COLUMN kind\n"
        "```\n"
        "\n"
        "<details><summary>Instead</summary>\n"
        "\n"
        "```python\n"
        'op.execute("`")\n'
        "```\n"
        "\n"
        "</details>\n"
    )


def test_markdown_stays_below_what_github_accepts_and_counts_the_rest():
    finding = Finding("drop-column", Level.ERROR, Location("a.py"), "a", "Harm. " * 200, sql="SELECT 1")
    text = renderer("markdown")(Report((), (finding,) * 100))
    left = int(re.search(r"… and (\d+) more", text)[1])
    assert len(text) <= LIMIT
    assert text.count("### error") + left == 100


@given(st.text(), st.text(), st.text())
def test_any_words_give_valid_documents(message, remedy, sql):
    finding = Finding("drop-column", Level.WARN, Location("a.py", 2, 3, 2, 4), "r1", message or "x", remedy, sql)
    judged = JudgedRevision("r1", "a.py", CaptureMode.RECORDED, 1)
    report = Report((judged,), with_fingerprints([finding], {}), rules=all_rules())
    texts = {name: renderer(name)(report) for name in FORMATS}
    for name in ("json", "sarif", "gitlab"):
        json.loads(texts[name].encode())
    ET.fromstring(texts["junit"].encode())
    assert len(texts["github"].splitlines()) >= 2

"""A report as JUnit XML: each revision is a test, and a finding at the failing level fails it."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING
from xml.etree import ElementTree as ET

if TYPE_CHECKING:
    from sluicegate.findings import Finding
    from sluicegate.lint.report import JudgedRevision, Report

_FORBIDDEN = re.compile(r"[^\t\n\r\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")  # XML 1.0, 2.2 "Characters"


def render_junit(report: Report) -> str:
    """Return the report as an XML document that ends with a newline.

    Findings below the failing level are output of their test and fail nothing.
    """
    suites = ET.Element("testsuites", name="sluicegate lint")
    suite = ET.SubElement(suites, "testsuite", name="sluicegate lint", package="sluicegate")
    for revision in report.revisions:
        _case(suite, report, revision)
    elsewhere = [finding for finding in report.findings if not any(_about(finding, r) for r in report.revisions)]
    _case_of_others(suite, report, elsewhere)
    for element in (suites, suite):
        element.set("tests", str(len(suite.findall("testcase"))))
        element.set("failures", str(len(suite.findall("testcase[failure]"))))
        element.set("errors", str(len(suite.findall("testcase[error]"))))
    ET.indent(suites)
    return '<?xml version="1.0" encoding="UTF-8"?>\n' + ET.tostring(suites, encoding="unicode") + "\n"


def _case(suite: ET.Element, report: Report, revision: JudgedRevision) -> None:
    name = revision.revision or revision.file
    case = ET.SubElement(suite, "testcase", name=_clean(name), classname=_clean(revision.file))
    if revision.unread:
        ET.SubElement(case, "error", type="could-not-read", message=_clean(revision.trouble))
    _fill(case, report, [finding for finding in report.findings if _about(finding, revision)])


def _case_of_others(suite: ET.Element, report: Report, findings: list[Finding]) -> None:
    """Add what is about no revision, such as a waiver that has expired."""
    if findings:
        case = ET.SubElement(suite, "testcase", name="project", classname="project")
        _fill(case, report, findings)


def _fill(case: ET.Element, report: Report, findings: list[Finding]) -> None:
    for finding in findings:
        if report.fails(finding):
            failure = ET.SubElement(case, "failure", type=finding.rule, message=_clean(finding.message))
            failure.text = _clean(_words(finding))
    for finding in findings:
        if not report.fails(finding):
            ET.SubElement(case, "system-out").text = _clean(_words(finding))


def _about(finding: Finding, revision: JudgedRevision) -> bool:
    return finding.location.file == revision.file and finding.revision == revision.revision


def _words(finding: Finding) -> str:
    place = finding.location
    head = f"{finding.level.value}[{finding.rule}] {place.file}:{place.line}:{place.column}\n{finding.message}"
    return head + (f"\n\nInstead:\n{finding.remedy}" if finding.remedy else "")


def _clean(text: str) -> str:
    return _FORBIDDEN.sub("\ufffd", text)

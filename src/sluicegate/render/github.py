"""A report as workflow commands, which GitHub shows beside the changed lines of a pull request."""

from __future__ import annotations

from typing import TYPE_CHECKING

from sluicegate.findings import Level
from sluicegate.render.text import summary

if TYPE_CHECKING:
    from sluicegate.findings import Finding
    from sluicegate.lint.report import Report

_COMMANDS = {Level.ERROR: "error", Level.WARN: "warning", Level.INFO: "notice"}


def render_github(report: Report) -> str:
    """Return one workflow command for each finding, strongest first, and the summary for the log.

    GitHub shows ten annotations of a level for each step and says nothing of the others, so the strongest come first
    and the summary counts all of them.
    """
    order = list(_COMMANDS)
    findings = sorted(report.findings, key=lambda finding: order.index(finding.level))
    return "".join(f"{_command(finding)}\n" for finding in findings) + summary(report) + "\n"


def _command(finding: Finding) -> str:
    place = finding.location
    properties = {
        "file": place.file,
        "line": str(place.line),
        "endLine": str(max(place.end_line, place.line)),
        "title": f"{finding.rule} (revision {finding.revision})" if finding.revision else finding.rule,
    }
    if place.end_line == place.line:  # columns of a range over several lines are refused
        properties["col"] = str(place.column)
        properties["endColumn"] = str(max(place.end_column, place.column))
    listed = ",".join(f"{name}={_property(value)}" for name, value in properties.items())
    text = finding.message + (f"\n\nInstead:\n{finding.remedy}" if finding.remedy else "")
    return f"::{_COMMANDS[finding.level]} {listed}::{_data(text)}"


def _data(text: str) -> str:
    return text.replace("%", "%25").replace("\r", "%0D").replace("\n", "%0A")


def _property(text: str) -> str:
    return _data(text).replace(":", "%3A").replace(",", "%2C")

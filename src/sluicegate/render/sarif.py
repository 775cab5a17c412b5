"""A report as SARIF 2.1.0, for code scanning: GitHub, Azure DevOps and the editors that read it."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import quote

from sluicegate import __version__
from sluicegate.findings import Level

if TYPE_CHECKING:
    from sluicegate.findings import Finding, Location
    from sluicegate.lint.report import JudgedRevision, Report

_SCHEMA = "https://raw.githubusercontent.com/oasis-tcs/sarif-spec/master/Schemata/sarif-schema-2.1.0.json"
_ROOT = "%SRCROOT%"
_LEVELS = {Level.ERROR: "error", Level.WARN: "warning", Level.INFO: "note"}


def render_sarif(report: Report) -> str:
    """Return the report as one SARIF log that ends with a newline (OASIS SARIF 2.1.0).

    What could not be read stands among the invocation's notifications, as SARIF wants it for a tool's own trouble.
    """
    names = sorted({finding.rule for finding in report.findings})
    run = {
        "tool": {
            "driver": {
                "name": "sluicegate",
                "version": __version__,
                "semanticVersion": __version__,
                "rules": [_rule(report, name) for name in names],
            }
        },
        "columnKind": "unicodeCodePoints",
        "invocations": [
            {
                "executionSuccessful": not report.unread,
                "exitCode": int(report.exit_code),
                "toolExecutionNotifications": [_notification(revision) for revision in report.unread],
            }
        ],
        "results": [_result(finding, names.index(finding.rule)) for finding in report.findings],
    }
    return json.dumps({"$schema": _SCHEMA, "version": "2.1.0", "runs": [run]}, indent=2, ensure_ascii=False) + "\n"


def _rule(report: Report, name: str) -> dict[str, object]:
    entry = report.rules.get(name)
    if entry is None:
        return {"id": name}
    sections = [f"## {heading}\n\n{text}" for heading, text in entry.sections.items()]
    return {
        "id": name,
        "shortDescription": {"text": entry.title},
        "help": {
            "text": f"{entry.title} More: sluicegate rule {name}",
            "markdown": "\n\n".join([entry.title, *sections]),
        },
        "defaultConfiguration": {"level": _LEVELS[entry.rule.level]},
    }


def _result(finding: Finding, index: int) -> dict[str, object]:
    text = finding.message + (f"\n\nInstead:\n\n{finding.remedy}" if finding.remedy else "")
    return {
        "ruleId": finding.rule,
        "ruleIndex": index,
        "level": _LEVELS[finding.level],
        "message": {"text": text},
        "locations": [{"physicalLocation": _place(finding.location)}],
        "partialFingerprints": {"sluicegate/v1": finding.fingerprint},
        "properties": {"revision": finding.revision, "sql": finding.sql, "evidence": finding.evidence.value},
    }


def _place(place: Location) -> dict[str, object]:
    region = {
        "startLine": place.line,
        "startColumn": place.column,
        "endLine": max(place.end_line, place.line),
        "endColumn": place.end_column if place.end_line > place.line else max(place.end_column, place.column),
    }
    return {"artifactLocation": _artifact(place.file), "region": region}


def _artifact(file: str) -> dict[str, object]:
    path = Path(file)
    if path.is_absolute():
        return {"uri": path.as_uri()}
    return {"uri": quote(path.as_posix()), "uriBaseId": _ROOT}


def _notification(revision: JudgedRevision) -> dict[str, object]:
    return {
        "level": "error",
        "message": {"text": f"{revision.file} could not be read: {revision.trouble}"},
        "locations": [{"physicalLocation": {"artifactLocation": _artifact(revision.file)}}],
    }

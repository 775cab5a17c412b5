"""A report for machines; the keys are a contract."""

from __future__ import annotations

import json
from dataclasses import asdict
from typing import TYPE_CHECKING

from sluicegate.findings import Level

if TYPE_CHECKING:
    from sluicegate.findings import Finding
    from sluicegate.lint.report import Report


def render_json(report: Report) -> str:
    """Return the report as one JSON object that ends with a newline."""
    document = {
        "version": 1,
        "postgresql": report.postgresql,
        "revisions": [
            {
                "revision": revision.revision,
                "file": revision.file,
                "capture": revision.capture.value,
                "statements": revision.statements,
                "reason": revision.reason,
            }
            for revision in report.revisions
        ],
        "notes": list(report.notes),
        "findings": [finding_as_json(finding) for finding in report.findings],
        "gone": [asdict(one) for one in report.gone],
        "summary": {
            "revisions": len(report.revisions),
            "statements": sum(revision.statements for revision in report.revisions),
            **{level.value: report.count(level) for level in Level},
            "suppressed": report.suppressed,
            "waived": report.waived,
            "known": report.known,
            "unread": len(report.unread),
            "unjudged": len(report.unjudged),
            "fail_on": report.fail_on.value,
            "exit_code": int(report.exit_code),
        },
    }
    return json.dumps(document, indent=2, ensure_ascii=False) + "\n"


def finding_as_json(finding: Finding) -> dict[str, object]:
    """Return a finding as JSON-ready values."""
    place = finding.location
    return {
        "rule": finding.rule,
        "level": finding.level.value,
        "file": place.file,
        "line": place.line,
        "column": place.column,
        "end_line": place.end_line,
        "end_column": place.end_column,
        "revision": finding.revision,
        "direction": finding.direction.value,
        "message": finding.message,
        "remedy": finding.remedy,
        "sql": finding.sql,
        "evidence": finding.evidence.value,
        "effects": dict(finding.effects),
        "estimate": dict(finding.estimate) or None,
        "fingerprint": finding.fingerprint,
    }

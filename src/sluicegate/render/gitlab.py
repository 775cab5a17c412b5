"""A report as GitLab's code quality report, which a merge request shows as what it makes better or worse."""

from __future__ import annotations

import json
from pathlib import PurePath
from typing import TYPE_CHECKING

from sluicegate.findings import Level

if TYPE_CHECKING:
    from sluicegate.findings import Finding
    from sluicegate.lint.report import JudgedRevision, Report

_SEVERITIES = {Level.ERROR: "critical", Level.WARN: "major", Level.INFO: "info"}


def render_gitlab(report: Report) -> str:
    """Return the findings as a JSON array that ends with a newline (GitLab manual, "Code Quality report format").

    A file that could not be read is an entry as well, because GitLab shows nothing else of a job.
    """
    entries = [_unread(revision) for revision in report.unread if not _has_finding(report, revision)]
    entries += [_entry(finding) for finding in report.findings]
    return json.dumps(entries, indent=2, ensure_ascii=False) + "\n"


def _entry(finding: Finding) -> dict[str, object]:
    place = finding.location
    return {
        "type": "issue",
        "check_name": finding.rule,
        "description": finding.message,
        "content": {"body": finding.remedy},
        "categories": ["Bug Risk"],
        "fingerprint": finding.fingerprint,
        "severity": _SEVERITIES[finding.level],
        "location": {
            "path": PurePath(place.file).as_posix(),
            "lines": {"begin": place.line, "end": max(place.end_line, place.line)},
        },
    }


def _has_finding(report: Report, revision: JudgedRevision) -> bool:
    return any(finding.location.file == revision.file for finding in report.findings)


def _unread(revision: JudgedRevision) -> dict[str, object]:
    return {
        "type": "issue",
        "check_name": "could-not-read",
        "description": f"This could not be read, so nothing is known about it: {revision.trouble}",
        "categories": ["Bug Risk"],
        "fingerprint": f"could-not-read-{revision.revision or revision.file}",
        "severity": "blocker",
        "location": {"path": PurePath(revision.file).as_posix(), "lines": {"begin": 1, "end": 1}},
    }

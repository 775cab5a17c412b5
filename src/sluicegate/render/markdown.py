"""A report as Markdown, for a comment under a pull request or a job's summary page."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from sluicegate.findings import Level
from sluicegate.render.text import summary

if TYPE_CHECKING:
    from collections.abc import Iterator

    from sluicegate.findings import Finding
    from sluicegate.lint.report import Report

MARKER = "<!-- sluicegate lint -->"
"""The first line, by which a pipeline finds its own earlier comment and replaces it."""

LIMIT = 65_000
"""Characters; GitHub refuses comments above 65,536."""

_NAMES = {Level.ERROR: "error", Level.WARN: "warning", Level.INFO: "remark"}
_FENCE = re.compile(r"`+")


def render_markdown(report: Report) -> str:
    """Return the report as Markdown that ends with a newline; what is over ``LIMIT`` is counted and left out."""
    text = f"{MARKER}\n## Migrations: {_verdict(report)}\n\n{_escaped(summary(report))}\n"
    left = len(report.findings)
    for block in _blocks(report):
        if len(text) + len(block) > LIMIT - 100:
            return text + f"\n… and {left} more; `sluicegate lint` shows all of them.\n"
        text += block
        left -= 1
    return text


def _verdict(report: Report) -> str:
    if report.unread:
        return "could not be judged"
    failing = sum(map(report.fails, report.findings))
    if failing:
        return f"{failing} to correct"
    return "nothing to correct" if report.findings else "clean"


def _blocks(report: Report) -> Iterator[str]:
    order = list(_NAMES)
    for finding in sorted(report.findings, key=lambda f: order.index(f.level)):
        yield _block(finding)


def _block(finding: Finding) -> str:
    place = finding.location
    where = f"{place.file}:{place.line}" + (f" (revision {finding.revision})" if finding.revision else "")
    parts = [f"\n### {_NAMES[finding.level]}: {finding.rule}\n\n`{where}`\n\n{_escaped(finding.message)}\n"]
    if finding.sql:
        parts.append(f"\n{_code('sql', finding.sql)}\n")
    if finding.remedy:
        language = "sql" if finding.revision is None else "python"
        parts.append(f"\n<details><summary>Instead</summary>\n\n{_code(language, finding.remedy)}\n\n</details>\n")
    return "".join(parts)


def _code(language: str, text: str) -> str:
    longest = max((len(run) for run in _FENCE.findall(text)), default=0)
    fence = "`" * max(3, longest + 1)
    return f"{fence}{language}\n{text.strip()}\n{fence}"


def _escaped(text: str) -> str:
    """Return a sentence that Markdown shows as it is: no emphasis, no HTML, nobody is mentioned."""
    text = re.sub(r"([\\`*_\[\]|#])", r"\\\1", text)
    return text.replace("&", "&amp;").replace("<", "&lt;").replace("@", "&#64;")

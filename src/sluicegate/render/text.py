"""A report for people: each finding with its lines of code, the harm, and what to write instead."""

from __future__ import annotations

import textwrap
from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

from sluicegate.capture.model import CaptureMode
from sluicegate.findings import Direction, Level
from sluicegate.render.frame import code_frame

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from sluicegate.findings import Finding
    from sluicegate.lint.baseline import Known
    from sluicegate.lint.report import Report

WIDTH = 100
"""Columns at which sentences are wrapped; code is never wrapped."""


class Paint(Protocol):
    """Colours a text: ``style`` is ``error``, ``warn``, ``info``, ``frame``, ``code`` or ``strong``."""

    def __call__(self, style: str, text: str, /) -> str:
        """Return the text to print."""


def plain(style: str, text: str) -> str:  # noqa: ARG001 - the signature of a paint
    """Leave a text as it is."""
    return text


def unlinked(file: str, text: str) -> str:  # noqa: ARG001 - the signature of a link
    """Leave a text as it is."""
    return text


@dataclass(frozen=True, slots=True)
class Look:
    """How a report looks where it is read.

    Attributes:
        paint: colours a text.
        link: makes a text open a file.
        width: columns at which sentences are wrapped.
        screen: columns that there are for code, which is cut off there; 0 where nobody knows.
    """

    paint: Paint = plain
    link: Callable[[str, str], str] = unlinked
    width: int = WIDTH
    screen: int = 0


def render_text(report: Report, look: Look | None = None) -> str:
    """Return the report as text that ends with a newline; plainly unless a look is given."""
    look = look or Look()
    blocks = [_finding(finding, report.sources.get(finding.location.file, ""), look) for finding in report.findings]
    return "\n\n".join([*blocks, summary(report, look.paint)]) + "\n"


def _finding(finding: Finding, source: str, look: Look) -> str:
    paint, place = look.paint, finding.location
    head = f"{paint(finding.level.value, finding.level.value)}[{paint('strong', finding.rule)}]"
    where = look.link(place.file, f"{place.file}:{place.line}:{place.column}")
    if finding.revision:
        downwards = ", downgrade" if finding.direction is Direction.DOWNGRADE else ""
        where += f" (revision {finding.revision}{downwards})"
    lines = [f"{head} {where}", *_frame(source, finding, look)]
    lines += textwrap.wrap(finding.message, look.width, initial_indent="  ", subsequent_indent="  ")
    if finding.remedy:
        lines += ["", f"  {paint('strong', 'Instead:')}", *_indented(finding.remedy, look)]
    return "\n".join(lines)


def _frame(source: str, finding: Finding, look: Look) -> Iterator[str]:
    rows = list(code_frame(source, finding.location))
    if not rows:
        return
    width = max(len(number) for number, _, _ in rows)
    for number, mark, text in rows:
        bar = f"  {number:>{width}} " + ("…" if mark == "…" else "│")
        shown = _cut(text, look.screen - len(bar) - 1, "" if mark else "…") if look.screen else text
        yield f"{look.paint('frame', bar)} {look.paint(finding.level.value, shown) if mark else shown}".rstrip()
    yield ""


def _cut(text: str, columns: int, end: str) -> str:
    return text if len(text) <= columns else text[: max(columns - len(end), 0)] + end


def _indented(remedy: str, look: Look) -> Iterator[str]:
    for line in remedy.splitlines():
        if line.startswith((" ", "op.", "with ", ")", "#", "--")) or line.endswith((";", ",")):
            yield f"    {look.paint('code', line)}".rstrip()
        else:
            yield from textwrap.wrap(line, look.width, initial_indent="    ", subsequent_indent="    ") or [""]


def summary(report: Report, paint: Paint = plain) -> str:
    """Return what was judged, what could not be read, and how much was found, in a few lines without a newline."""
    lines = []
    for revision in report.revisions:
        if revision.capture in (CaptureMode.PARTIAL, CaptureMode.UNREADABLE) or revision.unparsed:
            state = "unreadable" if revision.capture is CaptureMode.UNREADABLE else "read in part"
            lines.append(f"{revision.file}: {state}: {revision.trouble}")
    files = all(revision.revision is None for revision in report.revisions) and report.revisions
    judged = _count(len(report.revisions), "file" if files else "revision")
    statements = _count(sum(revision.statements for revision in report.revisions), "statement")
    counts = [_count(report.count(level), word) for level, word in _WORDS.items() if report.count(level)]
    outcome = ", ".join(counts) if counts else "nothing found"
    accepted = {"allowed by comments": report.suppressed, "waived": report.waived, "in the baseline": report.known}
    beside = "".join(f", {number} {how}" for how, number in accepted.items() if number)
    lines.append(f"{judged}, {statements} judged for PostgreSQL {report.postgresql}: {outcome}{beside}.")
    if report.gone:
        lines.append(f"Gone since the baseline was written: {_count(len(report.gone), 'finding')}.")
        lines += [f"  {one.rule} in {_origin(one)}" for one in report.gone[:_SHOWN_GONE]]
        more = len(report.gone) - _SHOWN_GONE
        lines += [f"  … and {more} more"] if more > 0 else []
        lines.append("  Take them out, so that they fail if they come back: sluicegate lint --write-baseline")
    lines += report.notes
    if report.unread:
        lines.append(paint("error", "Something could not be read, so this is no clean bill (exit code 3)."))
    elif report.unjudged:
        lines.append(paint("error", "Something could not be judged, so this is no clean bill (exit code 3)."))
    return "\n".join(lines)


def _origin(one: Known) -> str:
    return f"revision {one.revision}" if one.revision else one.file


_SHOWN_GONE = 10  # lines; the file's diff has all of them
_WORDS = {Level.ERROR: "error", Level.WARN: "warning", Level.INFO: "remark"}


def _count(number: int, noun: str) -> str:
    return f"{number} {noun}{'' if number == 1 else 's'}"

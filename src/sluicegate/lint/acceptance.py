"""Take away what a team has accepted, by waiver or by baseline, and say what of that is out of date."""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

from sluicegate.findings import Finding
from sluicegate.lint.baseline import Baseline, load_baseline, write_baseline
from sluicegate.lint.fingerprint import with_fingerprints
from sluicegate.lint.waivers import load_waivers
from sluicegate.rules.kit.rule import Subject
from sluicegate.rules.kit.waived import WaiverContext

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from sluicegate.lint.baseline import Known
    from sluicegate.lint.report import JudgedRevision, Report
    from sluicegate.lint.waivers import Waiver
    from sluicegate.settings.policy import Policy

_READING = frozenset({"unreadable-revision", "unreadable-sql"})
"""Rules whose findings say that something could not be read; accepting them accepts that."""


@dataclass(frozen=True, slots=True)
class Accepted:
    """What a team has accepted.

    Attributes:
        today: the day of this lint.
        waivers: findings that somebody answers for until a date.
        baseline: findings that were there when the baseline was written.
    """

    today: dt.date
    waivers: tuple[Waiver, ...] = ()
    baseline: Baseline = field(default_factory=Baseline)


@dataclass(frozen=True, slots=True)
class Accepting:
    """Where a team keeps what it accepts, and what shall be done with it.

    Attributes:
        waivers: the file of waivers; one that is not there holds none.
        baseline: the file of the baseline.
        today: the day on which waivers are looked at; None leaves them out.
        use_baseline: whether findings of the baseline are left out.
        write_baseline: whether everything that is found now is accepted in it.
        must_exist: whether the baseline was named, so that it has to be there.
    """

    waivers: Path
    baseline: Path
    today: dt.date | None
    use_baseline: bool = True
    write_baseline: bool = False
    must_exist: bool = False


def accept(report: Report, asked: Accepting, policy: Policy, *, complete: bool) -> Report:
    """Return the report without what is accepted, after accepting what is there if that was asked for.

    Raises:
        UsageError: a file cannot be read or written, or makes no sense.
    """
    today = asked.today or dt.date.min
    has_waivers = asked.today is not None and asked.waivers.is_file()
    waivers = load_waivers(asked.waivers, report.rules, policy.root) if has_waivers else ()
    baseline = Baseline()
    if asked.use_baseline and (asked.baseline.is_file() or (asked.must_exist and not asked.write_baseline)):
        baseline = load_baseline(asked.baseline)
    if asked.write_baseline:
        # What is waived has an owner and a date, and stays out of the baseline.
        found, _waived, _used = _without_waived(report, Accepted(today, waivers))
        kept = set(baseline.known.values()) - set(judged_known(report, baseline, complete=complete))
        write_baseline(asked.baseline, found, kept)
        baseline = load_baseline(asked.baseline)
    return settle(report, Accepted(today, waivers, baseline), policy, complete=complete)


def settle(report: Report, accepted: Accepted, policy: Policy, *, complete: bool) -> Report:
    """Return the report without what is accepted.

    An expired waiver accepts nothing, and is a finding itself.

    Args:
        report: what was found.
        accepted: what is accepted.
        policy: decides the levels of findings about waivers.
        complete: whether the whole history was judged, so that what is absent is gone.
    """
    open_ones, waived, used = _without_waived(report, accepted)
    known = [finding for finding in open_ones if finding.fingerprint in accepted.baseline.known]
    left = [finding for finding in open_ones if finding.fingerprint not in accepted.baseline.known]
    about = with_fingerprints(_about_waivers(report, accepted, used, policy, complete=complete), {})
    remaining = {(f.revision, f.location.file) for f in left if f.rule in _READING}
    hidden = {(f.revision, f.location.file) for f in [*known, *waived] if f.rule in _READING}
    return replace(
        report,
        findings=(*about, *left),
        revisions=tuple(
            replace(one, accepted=(one.revision, one.file) in hidden - remaining) for one in report.revisions
        ),
        waived=len(waived),
        known=len(known),
        gone=tuple(_gone(report, accepted.baseline, complete=complete)),
    )


def judged_known(report: Report, baseline: Baseline, *, complete: bool) -> Iterator[Known]:
    """Yield the baseline's entries about what this report judged; ``complete`` says that nothing else is left."""
    judged = {_subject(revision) for revision in report.revisions}
    for one in baseline.known.values():
        if one.direction is report.direction and (complete or (one.revision or one.file) in judged):
            yield one


def _subject(revision: JudgedRevision) -> str:
    return revision.revision or revision.file


def _without_waived(report: Report, accepted: Accepted) -> tuple[list[Finding], list[Finding], set[Waiver]]:
    left: list[Finding] = []
    waived: list[Finding] = []
    used: set[Waiver] = set()
    for finding in report.findings:
        covering = [waiver for waiver in accepted.waivers if waiver.covers(finding)]
        used |= set(covering)
        in_force = any(accepted.today <= waiver.expires for waiver in covering)
        (waived if in_force else left).append(finding)
    return left, waived, used


def _about_waivers(
    report: Report, accepted: Accepted, used: set[Waiver], policy: Policy, *, complete: bool
) -> Iterator[Finding]:
    judged = {revision.revision or revision.file for revision in report.revisions}
    for waiver in accepted.waivers:
        subject = waiver.revision or waiver.file
        if not complete and subject not in judged:
            continue
        context = WaiverContext(
            waiver.rule, waiver.subject, waiver.owner, waiver.expires, accepted.today, used=waiver in used
        )
        for entry in report.rules.values():
            level = entry.level(policy)
            if entry.rule.subject is Subject.WAIVER and level:
                for problem in entry.check(context):
                    remedy = problem.remedy.alembic() if problem.remedy else ""
                    yield Finding(entry.rule.name, level, waiver.location, None, problem.message, remedy)


def _gone(report: Report, baseline: Baseline, *, complete: bool) -> Iterator[Known]:
    found = {finding.fingerprint for finding in report.findings}
    unread = {_subject(revision) for revision in report.unread}
    for one in judged_known(report, baseline, complete=complete):
        if one.fingerprint not in found and (one.revision or one.file) not in unread:
            yield one

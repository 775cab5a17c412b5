"""Judge revisions: replay the history, ask every rule, take away what comments allow."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any, NamedTuple

from sluicegate.findings import Direction, Evidence, Finding, Level, Location
from sluicegate.lint.asking import RuleFailedError, answers
from sluicegate.lint.fingerprint import with_fingerprints
from sluicegate.lint.replay import Replay
from sluicegate.lint.report import JudgedRevision, Report
from sluicegate.lint.slices import in_processes, processes, slices
from sluicegate.lint.suppression import Suppression, about_downgrade, suppressions
from sluicegate.rules.kit.catalogue import Entry, all_rules
from sluicegate.rules.kit.revision import NoProject, RevisionContext
from sluicegate.rules.kit.rule import Problem, Subject
from sluicegate.rules.kit.suppressed import SuppressionContext
from sluicegate.rules.kit.work import estimate
from sluicegate.statements.nodes import messages

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping

    from sluicegate.capture.model import CapturedRevision
    from sluicegate.catalog.model import Catalog
    from sluicegate.rules.kit.context import Context
    from sluicegate.rules.kit.revision import Project
    from sluicegate.rules.kit.step import Step
    from sluicegate.settings.policy import Policy
    from sluicegate.snapshot.facts import Size

UNJUDGED = "could-not-judge"
"""The rule that speaks where another one failed."""

_ABOUT_READING = frozenset({"partial-revision", "unreadable-revision", "unreadable-sql"})
"""Of the rules about a whole revision, those that are asked of a downgrade too; the others are about upgrades."""

_ORDER = {Level.ERROR: 0, Level.WARN: 1, Level.INFO: 2}


class _Judged(NamedTuple):
    """What is known of a part of the revisions; it travels from one process to another."""

    revisions: list[JudgedRevision]
    findings: list[Finding]
    sources: dict[str, str]
    allowed: int


@dataclass(frozen=True, slots=True)
class Judge:
    """What judging needs beside the revisions.

    Attributes:
        policy: the team's decisions.
        version: the server's major version.
        rules: the rules to ask, by name.
        project: what rules may know about files.
        rows: known sizes, ``schema.table`` → rows.
        sizes: what a snapshot of production says, ``schema.table`` → size; it goes before the policy's rows.
    """

    policy: Policy
    version: int
    rules: Mapping[str, Entry] = field(default_factory=all_rules)
    project: Project = field(default_factory=NoProject)
    rows: Mapping[str, int] = field(default_factory=dict)
    sizes: Mapping[str, Size] = field(default_factory=dict)

    def report(
        self,
        revisions: Iterable[CapturedRevision],
        catalog: Catalog,
        *,
        selected: Callable[[CapturedRevision], bool] = lambda _: True,
        fail_on: Level | None = None,
        downgrades: Mapping[str, CapturedRevision] | None = None,
        reviewed: Callable[[CapturedRevision], bool] = lambda _: True,
        jobs: int | None = 1,
    ) -> Report:
        """Replay all revisions over a schema and judge the selected ones.

        Args:
            revisions: the history in the order in which it runs.
            catalog: the schema before the first of them.
            selected: which revisions findings are reported for.
            fail_on: the weakest level that fails; the policy's if left out.
            downgrades: judge these instead, by revision: each on the schema that its own ``upgrade()`` leaves behind.
            reviewed: which of them a merge adds, so that what cannot be told of them fails.
            jobs: how many processes judge; None for as many as are worth it.
        """
        revisions = tuple(revisions)
        together = _deployed_together(revisions, selected)

        def judge(part: range) -> _Judged:
            return self._part(revisions, part, catalog, selected, downgrades, reviewed, together=together)

        weights = [len(revision.statements) for revision in revisions]
        count = processes(jobs, sum(len(revision.statements) for revision in revisions if selected(revision)))
        parts = slices(weights, lambda place: not together or _begins_anew(revisions, place), count)
        done = in_processes(judge, parts) if len(parts) > 1 else [judge(part) for part in parts]
        sources = {file: text for one in done for file, text in one.sources.items()}
        findings = [finding for one in done for finding in one.findings]
        return Report(
            revisions=tuple(revision for one in done for revision in one.revisions),
            findings=with_fingerprints(
                sorted(findings, key=lambda f: (f.location.file, f.location.line, _ORDER[f.level], f.rule)), sources
            ),
            sources=sources,
            suppressed=sum(one.allowed for one in done),
            fail_on=fail_on or self.policy.fail_on,
            postgresql=self.version,
            rules=self.rules,
            direction=Direction.UPGRADE if downgrades is None else Direction.DOWNGRADE,
        )

    def _part(
        self,
        revisions: tuple[CapturedRevision, ...],
        part: range,
        catalog: Catalog,
        selected: Callable[[CapturedRevision], bool],
        downgrades: Mapping[str, CapturedRevision] | None,
        reviewed: Callable[[CapturedRevision], bool],
        *,
        together: bool,
    ) -> _Judged:
        """Judge the revisions at these positions, and replay those before them."""
        history = {revision.revision: revision for revision in revisions if revision.revision is not None}
        replay = Replay(catalog, self.policy, self.version)
        judged, findings, sources, allowed = [], [], {}, 0
        before: RevisionContext | None = None
        for place, captured in enumerate(revisions[: part.stop]):
            if place < part.start:
                replay.revision(captured, judged=False)
                continue
            if downgrades is not None:
                replay.revision(captured, judged=False)
                upgraded = replay.catalog
                if (down := downgrades.get(captured.revision or "")) is not None:
                    steps = replay.revision(down, judged=True)
                    kept, dropped = self._judge(self._context(down, steps, history, ()))
                    findings += kept
                    allowed += dropped
                    sources[down.file] = down.source
                    judged.append(_judged(down, steps, reviewed=reviewed(captured)))
                replay.catalog = upgraded
                continue
            judging = selected(captured)
            carried = before.open_at_end if before is not None and together and judging else ()
            carried = carried if _goes_on(captured, carried) else ()
            new = carried[-1].step.new_after if carried else frozenset()
            steps = replay.revision(captured, judged=judging, goes_on=bool(carried), new=new)
            before = None
            if not judging:
                continue
            before = self._context(captured, steps, history, carried)
            kept, dropped = self._judge(before)
            findings += kept
            allowed += dropped
            sources[captured.file] = captured.source
            judged.append(_judged(captured, steps, reviewed=reviewed(captured)))
        return _Judged(judged, findings, sources, allowed)

    def _context(
        self,
        captured: CapturedRevision,
        steps: tuple[Step, ...],
        history: Mapping[str, CapturedRevision],
        carried: tuple[Context, ...],
    ) -> RevisionContext:
        measured = {name: size.rows for name, size in self.sizes.items() if size.rows is not None}
        return RevisionContext(
            captured,
            steps,
            self.policy,
            version=self.version,
            rows={**self.policy.tables_rows, **measured, **self.rows},
            project=self.project,
            history=history,
            carried=carried,
            sizes=self.sizes,
        )

    def _judge(self, revision: RevisionContext) -> tuple[list[Finding], int]:
        """Return a revision's findings without the allowed ones, and how many are allowed."""
        captured = revision.captured
        comments = suppressions(captured.file, captured.source)
        used: set[tuple[Suppression, str]] = set()
        kept, dropped = [], 0
        for finding, lines in self._ask(revision):
            allowing = [c for c in comments if any(c.reason and c.covers(finding.rule, *span) for span in lines)]
            used |= {(comment, finding.rule) for comment in allowing}
            if allowing:
                dropped += 1
            else:
                kept.append(finding)
        kept += self._about_comments(captured, comments, used)
        # A loop issues the same statement many times; one finding says it.
        return list({(f.rule, f.location, f.message): f for f in kept}.values()), dropped

    def _ask(self, revision: RevisionContext) -> Iterator[tuple[Finding, list[tuple[int, int]]]]:
        """Yield each finding with the ranges of lines on which a comment may allow it."""
        down = revision.captured.direction is Direction.DOWNGRADE
        for entry in self._applicable(Subject.REVISION):
            if down and entry.rule.name not in _ABOUT_READING:
                continue
            for answered, problem in self._answers(entry, revision.with_options(entry.options(self.policy))):
                if level := answered.level(self.policy):
                    finding = _finding(answered, level, problem, revision, None)
                    yield finding, [(finding.location.line, finding.location.end_line)]
        specific = [entry for entry in self._applicable(Subject.STATEMENT) if not entry.rule.last_resort]
        fallback = [entry for entry in self._applicable(Subject.STATEMENT) if entry.rule.last_resort]
        for context in revision.contexts:
            messages(context.node)  # read once for all rules
            found = [pair for entry in specific for pair in self._answers(entry, self._with(context, entry))]
            if not any(entry.rule.explains_work for entry, _ in found):
                found += [pair for entry in fallback for pair in self._answers(entry, self._with(context, entry))]
            for entry, problem in found:
                if level := entry.level(self.policy):
                    finding = _with_estimate(_finding(entry, level, problem, revision, context.step), entry, context)
                    places = (finding.location, context.step.captured.location, context.step.captured.upgrade_location)
                    yield finding, [(p.line, p.end_line) for p in places if p.file == revision.captured.file]

    def _answers(self, entry: Entry, context: Any) -> list[tuple[Entry, Problem]]:
        """Ask a rule; where it fails, what it looks for could not be judged."""
        try:
            return [(entry, problem) for problem in answers(entry, context)]
        except RuleFailedError as error:
            return [(all_rules()[UNJUDGED], error.problem)] if entry.level(self.policy) else []

    def _applicable(self, subject: Subject) -> list[Entry]:
        return [e for e in self.rules.values() if e.rule.subject is subject and self.version in e.rule.versions]

    def _with(self, context: Any, entry: Entry) -> Any:
        return context.with_options(entry.options(self.policy)) if entry.rule.options else context

    def _about_comments(
        self, captured: CapturedRevision, comments: tuple[Suppression, ...], used: set[tuple[Suppression, str]]
    ) -> Iterator[Finding]:
        off = {name for name, entry in self.rules.items() if entry.level(self.policy) is None}
        for comment in comments:
            unused = tuple(rule for rule in comment.rules if (comment, rule) not in used and rule not in off)
            if about_downgrade(comment, captured.source) is not (captured.direction is Direction.DOWNGRADE):
                if captured.direction is Direction.DOWNGRADE:
                    continue  # reported where the way forward is judged
                unused = ()
            context = SuppressionContext(comment.rules, comment.reason, unused, frozenset(self.rules))
            for entry in self._applicable(Subject.SUPPRESSION):
                for problem in entry.check(context):
                    if level := entry.level(self.policy):
                        yield Finding(
                            rule=entry.rule.name,
                            level=level,
                            location=comment.location,
                            revision=captured.revision,
                            message=problem.message,
                            remedy=problem.remedy.alembic() if problem.remedy else "",
                            direction=captured.direction,
                        )


def _judged(captured: CapturedRevision, steps: tuple[Step, ...], *, reviewed: bool) -> JudgedRevision:
    return JudgedRevision(
        captured.revision,
        captured.file,
        captured.mode,
        len(steps),
        captured.reason,
        unparsed=sum(step.statement is None for step in steps),
        reviewed=reviewed,
    )


def _deployed_together(revisions: tuple[CapturedRevision, ...], selected: Callable[[CapturedRevision], bool]) -> bool:
    """Tell whether the selected revisions are what is left to deploy, so that one transaction may span them.

    That is so where something came before them. A whole history was deployed one by one, over years.
    """
    known = {revision.revision for revision in revisions}
    begins_later = any(parent not in known for revision in revisions for parent in revision.down_revisions)
    return begins_later or not all(map(selected, revisions))


def _begins_anew(revisions: tuple[CapturedRevision, ...], place: int) -> bool:
    """Tell whether a revision shares no transaction with the one before it, so that it can be judged apart from it."""
    first = revisions[place].statements[:1]
    return not first or all(one.transaction != first[0].transaction for one in revisions[place - 1].statements)


def _goes_on(captured: CapturedRevision, carried: tuple[Context, ...]) -> bool:
    """Tell whether a revision begins in the transaction in which the statements before it still stand."""
    if not captured.statements or not carried:
        return False
    first = captured.statements[0]
    return not first.autocommit and first.transaction == carried[-1].step.captured.transaction


def _finding(entry: Entry, level: Level, problem: Problem, revision: RevisionContext, step: Step | None) -> Finding:
    captured = revision.captured
    remedy = problem.remedy
    weakest = max(level, problem.level or level, key=lambda one: _ORDER[one])
    return Finding(
        rule=entry.rule.name,
        level=weakest,
        location=problem.location or (step.captured.location if step else Location(captured.file)),
        revision=captured.revision,
        message=problem.message,
        remedy="" if remedy is None else remedy.sql() if revision.is_sql_file else remedy.alembic(),
        sql=step.captured.sql if step else "",
        evidence=Evidence.PREDICTED,
        effects=step.effects.as_json() if step else {},
        direction=captured.direction,
    )


def _with_estimate(finding: Finding, entry: Entry, context: Context) -> Finding:
    """Add for how long the harm lasts at production's size, where that is known."""
    found = estimate(context) if entry.rule.names_duration else None
    if found is None:
        return finding
    message = f"{finding.message} {found.sentence(context, finding.message)}"
    return replace(finding, message=message, estimate=found.as_json())

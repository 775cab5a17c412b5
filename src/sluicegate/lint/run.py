"""A lint from request to report: find the policy and the history, read them, judge them."""

from __future__ import annotations

import functools
import sys
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Protocol

from sluicegate.capture.model import CaptureMode
from sluicegate.catalog.dump import load_script
from sluicegate.catalog.model import Catalog
from sluicegate.errors import SluicegateError, UsageError
from sluicegate.lint.convention import naming_convention
from sluicegate.lint.engine import Judge
from sluicegate.lint.from_snapshot import NO_PRODUCTION, merged, production
from sluicegate.lint.own_rules import rules_under
from sluicegate.lint.project import ProjectFiles, read_environment
from sluicegate.lint.selection import select
from sluicegate.lint.start import starting_point
from sluicegate.rules.kit.catalogue import check_policy
from sluicegate.settings.policy import DEFAULT_PATH, find_policy, load_policy

if TYPE_CHECKING:
    import datetime as dt
    from collections.abc import Callable, Collection, Mapping
    from contextlib import AbstractContextManager

    from sluicegate.capture.live import Live, LiveServer
    from sluicegate.capture.model import CapturedRevision
    from sluicegate.findings import Level
    from sluicegate.lint.from_snapshot import Before
    from sluicegate.lint.report import Report
    from sluicegate.settings.policy import Policy


class StartLive(Protocol):
    """Starts a server for live capture; ``sluicegate.dryrun.live.live_server`` is one."""

    def __call__(
        self, version: int, *, schema: str | None, settings: Mapping[str, str], version_table: str
    ) -> AbstractContextManager[LiveServer]:
        """Start it with a schema, or empty."""
        ...


LIVE_SECONDS = 30.0
"""How long all revisions of one lint may run on a real server; the rest stays as it was recorded."""

OPERATIONS = ("sluicegate.rollout.operations",)
"""Modules that add operations to ``op``; revisions expect them to be there."""


@dataclass(frozen=True, slots=True)
class LintRequest:
    """What a lint was asked for; every attribute is an option of the command.

    Attributes:
        sql: SQL files; ``-`` is standard input.
        revision_files: files of revisions.
        revs: revisions and ranges.
        version: the server's major version; None for the policy's.
        migrations: the script folder.
        config: alembic.ini or pyproject.toml.
        schema: the schema before what is judged.
        use_snapshot: whether the snapshot beside the policy says what production has; --schema goes before it.
        policy: the policy file.
        fail_on: the weakest level that fails; None for the policy's.
        downgrade: judge ``downgrade()`` of the revisions instead, each after its own ``upgrade()``.
        live: starts a server for revisions that ask what a recording cannot answer; None to leave them as they are.
        since: judge only what is new or changed against this git ref.
        baseline: the baseline's file; None for the one beside the policy, where there is one.
        use_baseline: whether findings of the baseline are left out.
        write_baseline: accept everything that is found now, in the baseline's file.
        today: the day on which waivers are looked at; None to leave them out.
        jobs: how many processes judge; None for as many as are worth it.
    """

    sql: tuple[Path, ...] = ()
    revision_files: tuple[Path, ...] = ()
    revs: tuple[str, ...] = ()
    version: int | None = None
    migrations: Path | None = None
    config: Path | None = None
    schema: Path | None = None
    use_snapshot: bool = True
    policy: Path | None = None
    fail_on: Level | None = None
    live: StartLive | None = None
    downgrade: bool = False
    since: str | None = None
    baseline: Path | None = None
    use_baseline: bool = True
    write_baseline: bool = False
    today: dt.date | None = None
    jobs: int | None = None

    @property
    def complete(self) -> bool:
        """Whether everything there is to judge is asked for."""
        return not (self.sql or self.revision_files or self.revs or self.since)


def run_lint(request: LintRequest) -> Report:
    """Judge what was asked for.

    Raises:
        UsageError: the configuration makes no sense, or a name means nothing.
        CouldNotJudgeError: the revisions cannot be read at all.
    """
    start = request.config or request.migrations or next(iter(request.revision_files), Path.cwd())
    policy = _policy(request, start if start.is_dir() else start.parent)
    report = _lint_sql(request, policy) if request.sql else _lint_history(request, policy)
    return _without_accepted(report, request, policy)


def _without_accepted(report: Report, request: LintRequest, policy: Policy) -> Report:
    folder = policy.path.parent if policy.path is not None else DEFAULT_PATH.parent
    waivers, baseline = folder / "waivers.toml", request.baseline or folder / "baseline.json"
    if not (request.baseline or request.write_baseline or waivers.is_file() or baseline.is_file()):
        return report
    from sluicegate.lint.acceptance import Accepting, accept

    asked = Accepting(
        waivers=waivers,
        baseline=baseline,
        today=request.today,
        use_baseline=request.use_baseline,
        write_baseline=request.write_baseline,
        must_exist=request.baseline is not None,
    )
    return accept(report, asked, policy, complete=request.complete)


def _changed(request: LintRequest, folder: Path) -> frozenset[Path] | None:
    """Return the files that are new since the ref that was asked for; None when none was."""
    if request.since is None:
        return None
    from sluicegate.lint.since import changed_since

    return changed_since(request.since, folder)


def _policy(request: LintRequest, start: Path) -> Policy:
    policy = load_policy(request.policy or find_policy(start))
    check_policy(policy, rules_under(policy))
    return policy


def _lint_sql(request: LintRequest, policy: Policy) -> Report:
    from sluicegate.capture.sqlfiles import STANDARD_INPUT, capture_sql, ways_back

    version = request.version or policy.postgresql
    new = _changed(request, Path.cwd())
    revisions = []
    back = ways_back(request.sql)
    for path in request.sql:
        if path in back or (new is not None and path.resolve() not in new):
            continue
        if str(path) == STANDARD_INPUT:
            revisions.append(capture_sql(sys.stdin.read(), settings=policy.session_settings))
        elif path.is_file():
            revisions.append(capture_sql(path, settings=policy.session_settings))
        else:
            raise UsageError(f"There is no file {path}.")
    known = NO_PRODUCTION if request.schema or not request.use_snapshot else production(policy, request.today)
    catalog = replace(Catalog(), complete=False)
    if request.schema is not None:
        catalog = load_script(_text(request.schema), version=version)
    elif known.snapshot is not None:
        catalog = load_script(known.snapshot.schema, version=version)
    folders = tuple(dict.fromkeys(path.parent for path in request.sql))
    judge = Judge(policy, version, rules_under(policy), ProjectFiles(policy.root, folders), sizes=known.sizes)
    notes = tuple(
        f"{path} takes {forward.name} back and is not judged beside it; to judge it, give it alone."
        for path, forward in back.items()
    )
    return merged(
        [judge.report(revisions, catalog, fail_on=request.fail_on, jobs=request.jobs)], (*known.notes, *notes)
    )


def _lint_history(request: LintRequest, policy: Policy) -> Report:
    from sluicegate.capture.location import find_script_location
    from sluicegate.capture.revisions import capture_history
    from sluicegate.capture.version_table import starting_catalog
    from sluicegate.effects.predict import preload

    start = request.config or request.migrations or next(iter(request.revision_files), Path.cwd())
    if request.migrations is None and request.config is None and policy.directory is not None:
        location = find_script_location(migrations=policy.root / policy.directory)
    else:
        where = request.config or (start if start.is_dir() else start.parent)
        location = find_script_location(where, migrations=request.migrations)
    env = location.directory / "env.py"
    environment = read_environment(env)
    policy = replace(
        policy,
        transaction_per_migration=policy.transaction_per_migration or environment.transaction_per_migration,
        lock_timeout=policy.lock_timeout or environment.settings.get("lock_timeout"),
        statement_timeout=policy.statement_timeout or environment.settings.get("statement_timeout"),
        naming_convention=policy.naming_convention
        or naming_convention(env, (*location.import_paths, location.working_directory)),
    )
    version = request.version or policy.postgresql

    def capture(
        deployed: Collection[str] = (),
        schema: str | None = None,
        live: Live | None = None,
        downgraded: Collection[str] | None = None,
    ) -> list[CapturedRevision]:
        return capture_history(
            location,
            version=version,
            deployed=deployed,
            schema=schema,
            naming_convention=policy.naming_convention,
            transaction_per_migration=policy.transaction_per_migration,
            settings=policy.session_settings,
            operation_modules=OPERATIONS,
            version_table=policy.version_table,
            live=live,
            downgrade=downgraded is not None,
            revisions=downgraded,
            meanwhile=preload,
        )

    history = capture()
    selected = select(history, request.revs, request.revision_files)
    if (new := _changed(request, location.directory)) is not None:
        selected &= {r.revision for r in history if r.revision is not None and Path(r.file).resolve() in new}
    known = NO_PRODUCTION if request.schema or not request.use_snapshot else production(policy, request.today)
    known = known.with_history(history)
    reviewed = known.reviewed(history) if request.complete else selected
    judge = Judge(
        policy,
        version,
        rules_under(policy),
        ProjectFiles(policy.root, (location.working_directory, location.directory, *location.versions)),
        sizes=known.sizes,
    )

    def judged(part: frozenset[str], before: Before) -> Report:
        deployed, schema = before
        found = capture(deployed, schema) if schema is not None else history
        open_questions = {r.revision for r in found if r.asked_in_vain and r.revision in part}
        if request.live is not None and open_questions:
            start_server = functools.partial(
                request.live,
                version,
                schema=schema,
                settings=policy.session_settings,
                version_table=policy.version_table,
            )
            found = _asked_live(found, open_questions, start_server, functools.partial(capture, deployed, schema))
        if schema is not None:
            catalog = load_script(schema, version=version)
        else:
            catalog = starting_point(starting_catalog(version, table=policy.version_table), found)
        downgrades = None
        if request.downgrade:
            back = capture(deployed, schema, downgraded=sorted(part))
            downgrades = {str(r.revision): _way_back(r) for r in back}
        return judge.report(
            found,
            catalog,
            selected=lambda revision: revision.revision in part,
            fail_on=request.fail_on,
            downgrades=downgrades,
            reviewed=lambda revision: revision.revision in reviewed,
            jobs=request.jobs,
        )

    if request.schema is None:
        return merged([judged(*part) for part in known.parts(selected, history)], known.notes)
    if request.complete:
        raise UsageError(
            "--schema is the schema before the judged revisions, and every revision is judged.",
            hint="Say with --rev or --since which revisions the schema does not have yet.",
        )
    return judged(selected, (_before(selected, history), _text(request.schema)))


def _way_back(revision: CapturedRevision) -> CapturedRevision:
    """Return a captured downgrade; one that refuses to go back before it does anything is read, and says so."""
    declared = (revision.reason or "").startswith(("downgrade() stops with", "it has no downgrade()"))
    if revision.mode is CaptureMode.UNREADABLE and declared:
        return replace(revision, mode=CaptureMode.PARTIAL, reason=f"there is no way back: {revision.reason}")
    return revision


def _asked_live(
    history: list[CapturedRevision],
    wanted: Collection[str | None],
    start: Callable[[], AbstractContextManager[LiveServer]],
    capture: Callable[..., list[CapturedRevision]],
) -> list[CapturedRevision]:
    """Return the history with these revisions run on a real server; where that fails, each says so."""
    from sluicegate.capture.live import Live

    names = tuple(name for name in wanted if name is not None)
    try:
        with start() as server:
            return capture(live=Live(history, names, server, LIVE_SECONDS))
    except SluicegateError as error:
        failed = (f"it could not be tried on an embedded server: {error.message}", None)
        return [replace(r, more_reasons=(*r.more_reasons, failed)) if r.revision in wanted else r for r in history]


def _before(selected: frozenset[str], history: list[CapturedRevision]) -> tuple[str, ...]:
    """Return the revisions after which the first selected ones come: what the given schema already has."""
    parents = {p for r in history if r.revision in selected for p in (*r.down_revisions, *r.depends_on)}
    return tuple(sorted(parents - selected))


def _text(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8-sig")
    except (OSError, UnicodeDecodeError) as error:
        raise UsageError(f"{path} cannot be read: {error}.") from error

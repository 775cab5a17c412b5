"""A lint from request to report: find the policy and the history, read them, judge them."""

from __future__ import annotations

import sys
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

from sluicegate.catalog.dump import load_script
from sluicegate.catalog.model import Catalog
from sluicegate.errors import UsageError
from sluicegate.lint.engine import Judge
from sluicegate.lint.own_rules import rules_under
from sluicegate.lint.project import ProjectFiles, read_environment
from sluicegate.lint.selection import select
from sluicegate.lint.start import starting_point
from sluicegate.rules.kit.catalogue import check_policy
from sluicegate.settings.policy import find_policy, load_policy

if TYPE_CHECKING:
    from collections.abc import Collection

    from sluicegate.capture.model import CapturedRevision
    from sluicegate.findings import Level
    from sluicegate.lint.report import Report
    from sluicegate.settings.policy import Policy

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
        policy: the policy file.
        fail_on: the weakest level that fails; None for the policy's.
    """

    sql: tuple[Path, ...] = ()
    revision_files: tuple[Path, ...] = ()
    revs: tuple[str, ...] = ()
    version: int | None = None
    migrations: Path | None = None
    config: Path | None = None
    schema: Path | None = None
    policy: Path | None = None
    fail_on: Level | None = None


def run_lint(request: LintRequest) -> Report:
    """Judge what was asked for.

    Raises:
        UsageError: the configuration makes no sense, or a name means nothing.
        CouldNotJudgeError: the revisions cannot be read at all.
    """
    if request.sql:
        return _lint_sql(request)
    return _lint_history(request)


def _policy(request: LintRequest, start: Path) -> Policy:
    policy = load_policy(request.policy or find_policy(start))
    check_policy(policy, rules_under(policy))
    return policy


def _lint_sql(request: LintRequest) -> Report:
    from sluicegate.capture.sqlfiles import STANDARD_INPUT, capture_sql

    policy = _policy(request, Path.cwd())
    version = request.version or policy.postgresql
    revisions = []
    for path in request.sql:
        if str(path) == STANDARD_INPUT:
            revisions.append(capture_sql(sys.stdin.read(), settings=policy.session_settings))
        elif path.is_file():
            revisions.append(capture_sql(path, settings=policy.session_settings))
        else:
            raise UsageError(f"There is no file {path}.")
    catalog = replace(Catalog(), complete=False)
    if request.schema is not None:
        catalog = load_script(_text(request.schema), version=version)
    judge = Judge(policy, version, rules_under(policy), ProjectFiles(policy.root, tuple(p.parent for p in request.sql)))
    return judge.report(revisions, catalog, fail_on=request.fail_on)


def _lint_history(request: LintRequest) -> Report:
    from sluicegate.capture.location import find_script_location
    from sluicegate.capture.revisions import capture_history
    from sluicegate.capture.version_table import starting_catalog

    start = request.config or request.migrations or next(iter(request.revision_files), Path.cwd())
    policy = _policy(request, start if start.is_dir() else start.parent)
    if request.migrations is None and request.config is None and policy.directory is not None:
        location = find_script_location(migrations=policy.root / policy.directory)
    else:
        where = request.config or (start if start.is_dir() else start.parent)
        location = find_script_location(where, migrations=request.migrations)
    environment = read_environment(location.directory / "env.py")
    policy = replace(
        policy,
        transaction_per_migration=policy.transaction_per_migration or environment.transaction_per_migration,
        lock_timeout=policy.lock_timeout or environment.settings.get("lock_timeout"),
        statement_timeout=policy.statement_timeout or environment.settings.get("statement_timeout"),
    )
    version = request.version or policy.postgresql

    def capture(deployed: Collection[str] = (), schema: str | None = None) -> list[CapturedRevision]:
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
        )

    history = capture()
    selected = select(history, request.revs, request.revision_files)
    catalog = starting_point(starting_catalog(version, table=policy.version_table), history)
    if request.schema is not None:
        if not request.revs and not request.revision_files:
            raise UsageError(
                "--schema is the schema before the judged revisions, and every revision is judged.",
                hint="Say with --rev which revisions the schema does not have yet.",
            )
        schema = _text(request.schema)
        history, catalog = capture(_before(selected, history), schema), load_script(schema, version=version)
    folders = (location.working_directory, location.directory, *location.versions)
    judge = Judge(policy, version, rules_under(policy), ProjectFiles(policy.root, folders))
    return judge.report(
        history, catalog, selected=lambda revision: revision.revision in selected, fail_on=request.fail_on
    )


def _before(selected: frozenset[str], history: list[CapturedRevision]) -> tuple[str, ...]:
    """Return the revisions after which the first selected ones come: what the given schema already has."""
    parents = {p for r in history if r.revision in selected for p in (*r.down_revisions, *r.depends_on)}
    return tuple(sorted(parents - selected))


def _text(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8-sig")
    except (OSError, UnicodeDecodeError) as error:
        raise UsageError(f"{path} cannot be read: {error}.") from error

"""A dry run from start to end: on a clone that is thrown away, or inside one transaction that is rolled back."""

from __future__ import annotations

import dataclasses
from typing import TYPE_CHECKING

from sluicegate.dryrun.basis import prepare, report_rewrites, restore_notes
from sluicegate.dryrun.clone import clone
from sluicegate.dryrun.fingerprint import prove, read_position, take_fingerprint
from sluicegate.dryrun.foresight import Foresight
from sluicegate.dryrun.guard import forbid_commit, replace_autocommit_block
from sluicegate.dryrun.ledger import Ledger
from sluicegate.dryrun.on_clone import OnClone
from sluicegate.dryrun.one_transaction import OneTransaction
from sluicegate.dryrun.report import DryRun
from sluicegate.dryrun.tracer import Tracer
from sluicegate.dryrun.upgrade import APPLICATION, session, upgrade
from sluicegate.errors import UsageError
from sluicegate.pg.connect import connect, describe, parse, with_database

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from alembic.runtime.migration import MigrationContext, RevisionStep

    from sluicegate.dryrun.report import RevisionRun
    from sluicegate.dryrun.request import Request, Server

_NOTHING = "nothing is pending"
_CLONE_LOCK_TIMEOUT = "30s"  # nobody else is on a clone: a longer wait is a deadlock of the revision with itself


def try_on_clone(request: Request, server: Server, schema: Path | None) -> DryRun:
    """Run revisions for real on a clone of production's schema, or of what the earlier revisions build.

    Args:
        request: what to try.
        server: where to make the clone.
        schema: a schema dump of production, which is at ``request.at``; None to run the earlier revisions instead.

    Raises:
        CouldNotJudgeError: the schema cannot be restored, or an earlier revision does not run.
        UsageError: a revision is not known.
        ServerError: the server failed.
    """
    names = ", ".join(request.at) or "base"
    basis = f"{schema.name} at {names}" if schema else "what the earlier revisions build"
    where = f"a clone of {basis}, on {server.described}"
    selected = request.scripts.select(request.at, request.asked)
    if not selected:
        return DryRun(server.version, where, notes=(_NOTHING,))
    steps = request.scripts.steps(request.at if schema else (), selected)
    first = next(number for number, step in enumerate(steps) if step.revision.revision in selected)
    with clone(server.url) as base:
        restored = prepare(base, request, schema, steps[:first])
        with clone(server.url, parse(base)["dbname"]) as url:
            way = OnClone(with_rows=False, server_is_ours=server.ours, driver=request.scripts.location.driver)
            revisions = _run(request, server.version, url, selected, steps[first:], way)
    return DryRun(server.version, where, revisions, notes=restore_notes(restored))


def try_on_copy(request: Request, server: Server) -> DryRun:
    """Run revisions for real on a copy of a database, rows and all, from the position it says it has.

    Args:
        request: what to try; ``at`` must be empty or what the database says.
        server: the database to copy; no other session may be connected to it.

    Raises:
        UsageError: a revision is not known, or ``at`` contradicts the database.
        ServerError: the server failed, or somebody uses the database.
    """
    with connect(server.url, application_name=APPLICATION) as connection:
        name = connection.info.dbname
        at = _position(request, read_position(connection, _version_table(request)))
    where = f"a copy of {server.described}"
    selected = request.scripts.select(at, request.asked)
    if not selected:
        return DryRun(server.version, where, notes=(_NOTHING,))
    maintenance = with_database(server.url, "template1" if name == "postgres" else "postgres")
    with clone(maintenance, name) as url:
        report_rewrites(url)
        way = OnClone(with_rows=True, server_is_ours=server.ours, driver=request.scripts.location.driver)
        revisions = _run(request, server.version, url, selected, request.scripts.steps(at, selected), way)
    return DryRun(server.version, where, revisions)


def _run(
    request: Request,
    version: int,
    url: str,
    selected: Sequence[str],
    steps: Sequence[RevisionStep],
    way: OnClone,
) -> tuple[RevisionRun, ...]:
    settings = {"lock_timeout": _CLONE_LOCK_TIMEOUT, **request.environment.settings}
    environment = dataclasses.replace(request.environment, settings=settings)
    tracer = Tracer(request.scripts.places, _foresight(request, version), way)
    ledger = Ledger(request.scripts, selected, tracer, request.progress)
    with session(url, environment) as connection:
        tracer.attach(connection)
        stop = upgrade(connection, request.scripts, steps, environment, url=url, on_revision=ledger.begin)
    return ledger.close(stop)


def try_in_transaction(request: Request, url: str) -> DryRun:
    """Run revisions inside one transaction on a database, roll it back, and prove that nothing is different.

    Args:
        request: what to try; ``at`` must be empty or what the database says. The environment's settings should hold
            a short lock_timeout and statement_timeout.
        url: the database.

    Raises:
        UsageError: a revision is not known, or ``at`` contradicts the database.
        ServerError: the server failed; then it rolled the transaction back by itself.
    """
    scripts = request.scripts
    table = _version_table(request)
    with connect(url, application_name=APPLICATION) as watcher:
        version = watcher.info.server_version // 10_000
        before = take_fingerprint(watcher, table)
        at = _position(request, before.position)
        where = f"one transaction on {describe(url)}, rolled back"
        selected = scripts.select(at, request.asked)
        if not selected:
            return DryRun(version, where, notes=(_NOTHING,))
        steps = scripts.steps(at, selected)
        way = OneTransaction()
        tracer = Tracer(scripts.places, _foresight(request, version), way)
        ledger = Ledger(scripts, tuple(step.revision.revision for step in steps), tracer, request.progress)

        def inside(context: MigrationContext) -> None:
            way.keep_limits(connection)
            forbid_commit(connection)
            replace_autocommit_block(context, way)

        with session(url, request.environment) as connection:
            tracer.attach(connection)
            stop = upgrade(
                connection, scripts, steps, request.environment, url=url, on_revision=ledger.begin, inside=inside
            )
        proof = prove(before, take_fingerprint(watcher, table))
    return DryRun(version, where, ledger.close(stop), proof=proof)


def _foresight(request: Request, version: int) -> Foresight | None:
    return None if request.load_catalog is None else Foresight(request.load_catalog, version)


def _version_table(request: Request) -> tuple[str | None, str]:
    return request.environment.version_table_schema, request.environment.version_table


def _position(request: Request, found: tuple[str, ...]) -> tuple[str, ...]:
    if request.at and set(request.at) != set(found):
        raise UsageError(
            f"--at says {', '.join(request.at)}, but the database is at {', '.join(found) or 'base'}.",
            hint="Leave --at out: the database knows its own position.",
        )
    return found

"""A dry run from start to end: on a clone that is thrown away, or inside one transaction that is rolled back."""

from __future__ import annotations

import contextlib
import dataclasses
from typing import TYPE_CHECKING

from sluicegate.dryrun.basis import prepare, restore_notes
from sluicegate.dryrun.clone import clone
from sluicegate.dryrun.fingerprint import prove, take_fingerprint
from sluicegate.dryrun.foresight import Foresight
from sluicegate.dryrun.guard import forbid_commit, replace_autocommit_block
from sluicegate.dryrun.ledger import Ledger
from sluicegate.dryrun.on_clone import OnClone
from sluicegate.dryrun.one_transaction import OneTransaction
from sluicegate.dryrun.report import DryRun
from sluicegate.dryrun.tracer import Tracer
from sluicegate.dryrun.upgrade import APPLICATION, session, upgrade
from sluicegate.errors import UsageError
from sluicegate.pg.connect import connect, describe, parse

if TYPE_CHECKING:
    from pathlib import Path

    from alembic.runtime.migration import MigrationContext

    from sluicegate.dryrun.request import Request, Server

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
    scripts = request.scripts
    selected = scripts.select(request.at, request.asked)
    names = ", ".join(request.at) or "base"
    basis = f"a clone of {schema.name} at {names}" if schema else "a clone of what the earlier revisions build"
    where = f"{basis}, on {server.described}"
    if not selected:
        return DryRun(server.version, where, notes=("nothing is pending",))
    steps = scripts.steps(request.at if schema else (), selected)
    first = next(number for number, step in enumerate(steps) if step.revision.revision in selected)
    with contextlib.ExitStack() as stack:
        base = stack.enter_context(clone(server.url))
        restored = prepare(base, request, schema, steps[:first])
        place = stack.enter_context(clone(server.url, parse(base)["dbname"]))
        way = OnClone(with_rows=False, server_is_ours=server.ours, driver=scripts.location.driver)
        settings = {"lock_timeout": _CLONE_LOCK_TIMEOUT, **request.environment.settings}
        environment = dataclasses.replace(request.environment, settings=settings)
        connection = stack.enter_context(session(place, environment))
        tracer = Tracer(scripts.places, _foresight(request, server.version), way)
        tracer.attach(connection)
        ledger = Ledger(scripts, selected, tracer)
        stop = upgrade(connection, scripts, steps[first:], environment, url=place, on_revision=ledger.begin)
        return DryRun(server.version, where, ledger.close(stop), notes=restore_notes(restored))


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
    table = (request.environment.version_table_schema, request.environment.version_table)
    with connect(url, application_name=APPLICATION) as watcher:
        version = watcher.info.server_version // 10_000
        before = take_fingerprint(watcher, table)
        at = before.position
        if request.at and set(request.at) != set(at):
            raise UsageError(
                f"--at says {', '.join(request.at)}, but the database is at {', '.join(at) or 'base'}.",
                hint="Leave --at out: with --in-transaction the database knows its own position.",
            )
        where = f"one transaction on {describe(url)}, rolled back"
        selected = scripts.select(at, request.asked)
        if not selected:
            return DryRun(version, where, notes=("nothing is pending",))
        steps = scripts.steps(at, selected)
        way = OneTransaction()
        tracer = Tracer(scripts.places, _foresight(request, version), way)
        ledger = Ledger(scripts, tuple(step.revision.revision for step in steps), tracer)

        def inside(context: MigrationContext) -> None:
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

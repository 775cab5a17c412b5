"""The database that clones are made from: production's schema restored, or what the earlier revisions build."""

from __future__ import annotations

import contextlib
from typing import TYPE_CHECKING

import psycopg

from sluicegate.dryrun import notices
from sluicegate.dryrun.upgrade import APPLICATION, session, stamp, upgrade
from sluicegate.errors import CouldNotJudgeError, UsageError
from sluicegate.pg.connect import connect
from sluicegate.snapshot.restore import Restored, restore_schema

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from alembic.runtime.migration import RevisionStep

    from sluicegate.dryrun.request import Request


def prepare(url: str, request: Request, schema: Path | None, earlier: Sequence[RevisionStep]) -> Restored | None:
    """Fill an empty database.

    Args:
        url: the database.
        request: what is going to be tried.
        schema: a schema dump of a database that is at ``request.at``; None for an empty start.
        earlier: revisions to run before the ones that are tried.

    Raises:
        UsageError: the dump cannot be read, or is not only a schema.
        CouldNotJudgeError: the schema cannot be restored, or an earlier revision does not run.
    """
    restored = None
    if schema is not None:
        restored = _restore(url, schema)
        with session(url, request.environment) as connection:
            stamp(connection, request.scripts, request.at, request.environment)
    if earlier:
        with session(url, request.environment) as connection:
            stop = upgrade(connection, request.scripts, earlier, request.environment, url=url)
        if stop is not None:
            where = f"{stop.location.file}:{stop.location.line}: " if stop.location else ""
            raise CouldNotJudgeError(
                f"{where}revision {stop.revision}, which comes before the ones to try, does not run: {stop.message}",
                hint="Start from production's schema instead: --schema FILE --at REVISION.",
            )
    report_rewrites(url)
    return restored


def report_rewrites(url: str) -> None:
    """Have a scratch database tell why it rewrites tables, where the user may install that."""
    with contextlib.suppress(psycopg.errors.InsufficientPrivilege), connect(url) as connection:
        notices.install(connection)


def _restore(url: str, schema: Path) -> Restored:
    try:
        text = schema.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise UsageError(f"{schema} cannot be read: {error}", hint="Write it with: pg_dump --schema-only.") from error
    with connect(url, application_name=APPLICATION) as connection:
        return restore_schema(connection, text, schema.name)


def restore_notes(restored: Restored | None) -> tuple[str, ...]:
    """Say what the restore did beside the dump."""
    if restored is None:
        return ()
    found = []
    if restored.roles:
        found.append(f"roles created without login, as the schema names them: {', '.join(restored.roles)}")
    if restored.skipped:
        found.append(f"settings of the schema that this server does not know: {'; '.join(restored.skipped)}")
    return tuple(found)

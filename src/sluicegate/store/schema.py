"""The state schema's versions: what a revision installs, and whether a database has it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from sluicegate.errors import UsageError
from sluicegate.store.queries import named, statement

if TYPE_CHECKING:
    import psycopg
    from psycopg.rows import TupleRow

VERSION = 1
"""The version that this release reads and writes."""


class StateSchemaError(UsageError):
    """The target database has no state schema, or another version of it."""


def install_statements(version: int = VERSION) -> tuple[str, ...]:
    """Return the statements that lead from the version before to this one, each without its semicolon."""
    return tuple(named(f"schema_{version}.sql").values())


def require(connection: psycopg.Connection[TupleRow]) -> None:
    """Refuse to work on a database whose state schema is missing or of another version.

    Raises:
        StateSchemaError: with what to do about it.
    """
    row = connection.execute(statement("schema_present")).fetchone()
    if row is None or not row[0]:
        raise StateSchemaError(
            f"Database {connection.info.dbname} has no schema sluicegate, in which backfills keep their progress.",
            hint="Write its revision with: sluicegate init; then run: alembic upgrade head.",
        )
    row = connection.execute(statement("schema_version")).fetchone()
    if row is None or row[0] != VERSION:
        found = row[0] if row else "nothing"
        raise StateSchemaError(
            f"Schema sluicegate in database {connection.info.dbname} has version {found}, not {VERSION}.",
            hint="Run sluicegate init and alembic upgrade head with this release, or use the release that fits.",
        )

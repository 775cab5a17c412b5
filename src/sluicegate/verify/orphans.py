"""Count and remove sidecar rows whose base row is gone; they owe nothing, and only take room."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from psycopg import sql

from sluicegate.backfill import preflight
from sluicegate.backfill.chunks import Range
from sluicegate.backfill.definition import HighWatermark, Sidecar
from sluicegate.backfill.session import open_session
from sluicegate.backfill.statements import Statements, bound_parameters
from sluicegate.errors import UsageError
from sluicegate.pg.connect import translated
from sluicegate.store.queries import statement
from sluicegate.verify.rows import ranges

if TYPE_CHECKING:
    from collections.abc import Iterator

    from sluicegate.backfill.definition import LoadedBackfill
    from sluicegate.backfill.pace import Pace
    from sluicegate.backfill.session import Surroundings
    from sluicegate.store.runs import Connection


def count(loaded: LoadedBackfill, url: str, *, size: int) -> int | None:
    """Count sidecar rows without a base row, ``size`` keys in a statement; None for a backfill without a sidecar.

    Raises:
        PreflightError: the database is not as the backfill needs it.
        ServerError: the server cannot be asked.
    """
    if not isinstance(loaded.definition.tracking, Sidecar):
        return None
    with translated(f"counting the sidecar's orphans of backfill {loaded.name}"):
        connection = open_session(url, loaded.name, lease_seconds=600)
        try:
            found = 0
            for where, parameters in _orphans(connection, loaded, size):
                query = sql.SQL("SELECT count(*) FROM {}").format(where)
                row = connection.execute(query, parameters).fetchone()
                connection.commit()
                found += row[0] if row else 0
            return found
        finally:
            connection.close()


def clean(loaded: LoadedBackfill, url: str, pace: Pace, around: Surroundings) -> int:
    """Remove sidecar rows without a base row, a chunk in a transaction; return how many.

    Raises:
        UsageError: the backfill has no sidecar.
        ServerError: the server went away.
    """
    if not isinstance(loaded.definition.tracking, Sidecar):
        raise UsageError(
            f"Backfill {loaded.name} tracks its progress by a high watermark: there is no sidecar to clean.",
            hint="Leave --clean-orphans out.",
        )
    with translated(f"removing the sidecar's orphans of backfill {loaded.name}"):
        connection = open_session(url, loaded.name, lease_seconds=600)
        try:
            removed = 0
            for where, parameters in _orphans(connection, loaded, pace.batch_size):
                removed += max(connection.execute(sql.SQL("DELETE FROM {}").format(where), parameters).rowcount, 0)
                connection.commit()
                if around.stop():
                    break
                if pace.sleep:
                    around.sleep(pace.sleep)
            return removed
        finally:
            connection.close()


def _orphans(
    connection: Connection, loaded: LoadedBackfill, size: int
) -> Iterator[tuple[sql.Composed, dict[str, str]]]:
    """Yield, range by range of the sidecar's key, the sidecar with the condition for its orphans, and parameters."""
    definition = loaded.definition
    statements = preflight.inspect(connection, definition).statements
    connection.commit()
    if not isinstance(definition.tracking, Sidecar):
        return
    names = definition.sidecar_keys
    base = replace(definition, table=definition.tracking.table, key=names, tracking=HighWatermark())
    key = tuple(replace(column, name=name) for column, name in zip(statements.key, names, strict=True))
    walk = Statements(base, key)
    same = sql.SQL(" AND ").join(
        sql.SQL("base.{} = row.{}").format(sql.Identifier(column.name), sql.Identifier(name))
        for column, name in zip(statements.key, names, strict=True)
    )
    for keys in ranges(connection, walk, Range(None, None), size):
        condition = sql.SQL("{} AS row WHERE {} AND NOT EXISTS (SELECT 1 FROM {} AS base WHERE {})").format(
            statements.sidecar, walk.within(keys), sql.Identifier(*definition.relation), same
        )
        connection.execute(statement("by_index"))
        yield condition, dict(bound_parameters(keys))

"""Tell which rows changed after they were done: the source's hash beside the sidecar's state no longer fits."""

from __future__ import annotations

from typing import TYPE_CHECKING

from psycopg import sql

from sluicegate.backfill.definition import Backfill, Sidecar, TableName
from sluicegate.backfill.implied import ROW

if TYPE_CHECKING:
    from collections.abc import Sequence

HASH = "sluicegate_hash"
"""The hashes' column beside the key's columns: a name that no key column will have."""

_SIDECAR = "sluicegate_sidecar"
"""The sidecar's alias inside the author's conditions: a name that theirs will not have."""


def source_hash(definition: Backfill) -> sql.Composed | None:
    """Return the hash of a row's source, never NULL; None when the definition names no source."""
    tracking = definition.tracking
    if not isinstance(tracking, Sidecar) or tracking.source is None:
        return None
    source = sql.SQL(tracking.source.replace("%", "%%"))
    return sql.SQL("coalesce(md5((\n{}\n)::text), '')").format(source)


def stale(definition: Backfill, key: Sequence[str]) -> sql.Composed | None:
    """Return the condition that a row was done from a source that has changed since; None without a source.

    Args:
        definition: the backfill.
        key: the base table's key columns.
    """
    tracking, present = definition.tracking, source_hash(definition)
    if present is None or not isinstance(tracking, Sidecar):
        return None
    same = sql.SQL(" AND ").join(
        sql.SQL("{} = {}").format(sql.Identifier(_SIDECAR, target), sql.Identifier(ROW, column))
        for target, column in zip(definition.sidecar_keys, key, strict=True)
    )
    return sql.SQL("EXISTS (SELECT 1 FROM {} AS {} WHERE {} AND {} <> {})").format(
        sql.Identifier(*TableName.read(tracking.table, "tracking")),
        sql.Identifier(_SIDECAR),
        same,
        sql.Identifier(_SIDECAR, "source_hash"),
        present,
    )


def hashes(definition: Backfill, key: Sequence[str], claimed: sql.Composed) -> sql.Composed | None:
    """Return the query for the hashes of some rows' sources, in their order, as one array; None without a source.

    They are read before the work is done: a source that changes in between is stale afterwards, and done again.

    Args:
        definition: the backfill.
        key: the base table's key columns.
        claimed: the keys, as a function in FROM.
    """
    present = source_hash(definition)
    if present is None:
        return None
    return sql.SQL(
        "SELECT array_agg({present} ORDER BY k.sluicegate_position) "
        "FROM {claimed} WITH ORDINALITY AS k ({columns}, sluicegate_position) LEFT JOIN {table} AS row ON {same}"
    ).format(
        present=present,
        claimed=claimed,
        columns=sql.SQL(", ").join(map(sql.Identifier, key)),
        table=sql.Identifier(*definition.relation),
        same=sql.SQL(" AND ").join(
            sql.SQL("{} = {}").format(sql.Identifier(ROW, name), sql.Identifier("k", name)) for name in key
        ),
    )

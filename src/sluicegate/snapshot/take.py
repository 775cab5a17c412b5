"""Read a database's facts, and its schema at the same moment, without writing and without keeping anybody waiting."""

from __future__ import annotations

import functools
from collections import defaultdict
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from psycopg import IsolationLevel, sql

from sluicegate.errors import ServerError
from sluicegate.pg.connect import connect, translated
from sluicegate.snapshot.facts import SETTINGS, Facts, IndexSize, Size
from sluicegate.snapshot.load import named_statements
from sluicegate.snapshot.schema_dump import find_pg_dump, schema_dump

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence
    from datetime import datetime

    from psycopg import Connection

_KINDS = {"r": "table", "p": "partitioned", "m": "materialized view"}
_TIMEOUTS = {"lock_timeout": "2s", "statement_timeout": "60s", "idle_in_transaction_session_timeout": "0"}
"""Nobody queues behind us for longer; pg_dump runs while our transaction is idle."""


@dataclass(frozen=True, slots=True)
class Taken:
    """A snapshot: the schema as SQL, the facts, and which pg_dump printed the schema."""

    schema: str
    facts: Facts
    pg_dump: str


def take_snapshot(url: str, *, version_table: str, now: datetime) -> Taken:
    """Read a database's schema and facts.

    Args:
        url: the database; a standby will do.
        version_table: Alembic's version table, with its schema or without.
        now: what is written as the moment of taking.

    Raises:
        UsageError: there is no pg_dump that knows the server's version.
        ServerError: the server cannot be reached, or refuses a read.
    """
    with connect(url, application_name="sluicegate snapshot") as connection:
        version = connection.info.server_version // 10_000
        pg_dump = find_pg_dump(version)
        connection.autocommit = False
        connection.isolation_level = IsolationLevel.REPEATABLE_READ
        connection.read_only = True
        with translated("reading sizes"):
            for name, value in _TIMEOUTS.items():
                connection.execute("SELECT pg_catalog.set_config(%s, %s, true)", (name, value))
            connection.execute("SET LOCAL search_path TO ''")
            facts = _facts(connection, version_table, now)
            row = connection.execute("SELECT pg_catalog.pg_export_snapshot()").fetchone()
        if row is None:
            raise ServerError("The server gave no snapshot to share with pg_dump.")
        schema = schema_dump(pg_dump, url, snapshot=row[0])
        connection.rollback()
    return Taken(schema, facts, str(pg_dump.path))


def _facts(connection: Connection[Any], version_table: str, now: datetime) -> Facts:
    rows = {
        name: connection.execute(statement, ([*SETTINGS],) if name == "settings" else None).fetchall()
        for name, statement in _statements().items()
    }
    schema, _, table = version_table.rpartition(".")
    schema = schema or "public"
    return Facts(
        taken_at=now,
        server_version=_version(connection.info.server_version),
        relations=_sizes(rows["relations"], rows["indexes"], rows["partitions"]),
        heads=_heads(connection, schema, table),
        version_table=f"{schema}.{table}",
        extensions=dict(rows["extensions"]),
        settings=dict(rows["settings"]),
    )


def _version(number: int) -> str:
    return f"{number // 10_000}.{number % 10_000}"


def _heads(connection: Connection[Any], schema: str, table: str) -> tuple[str, ...] | None:
    exists = connection.execute(
        "SELECT FROM pg_catalog.pg_class AS c JOIN pg_catalog.pg_namespace AS n ON n.oid = c.relnamespace "
        "WHERE n.nspname = %s AND c.relname = %s AND c.relkind IN ('r', 'p')",
        (schema, table),
    ).fetchone()
    if exists is None:
        return None
    statement = sql.SQL("SELECT version_num FROM {} ORDER BY version_num").format(sql.Identifier(schema, table))
    return tuple(row[0] for row in connection.execute(statement).fetchall())


def _sizes(
    relations: Iterable[Sequence[Any]], indexes: Iterable[Sequence[Any]], partitions: Iterable[Sequence[Any]]
) -> dict[str, Size]:
    """Return the size of each relation by ``schema.name``; a partitioned table has what its partitions have."""
    own: dict[int, dict[str, IndexSize]] = defaultdict(dict)
    for table, name, method, size, valid in indexes:
        own[table][name] = IndexSize(size, method, valid)
    names, sizes = {}, {}
    for oid, schema, name, kind, tuples, pages, live, heap, toast, block in relations:
        names[oid] = f"{schema}.{name}"
        estimate = _rows(tuples, pages, live, heap // block)
        whole = sum(index.bytes for index in own[oid].values())
        sizes[oid] = Size(estimate, heap, toast, {} if kind == "p" else own[oid], _KINDS[kind], whole)
    children: dict[int, list[int]] = defaultdict(list)
    for child, parent in partitions:
        children[parent].append(child)
    return {names[oid]: _with_partitions(oid, sizes, children) for oid in names}


def _rows(tuples: float, pages: int, live: int, pages_now: int) -> int | None:
    """Estimate a table's rows as the planner does: the density that ANALYZE saw, times the size it has now.

    Source: estimate_rel_size in PostgreSQL's plancat.c. A table that was never analyzed has -1 tuples (0 pages).
    """
    if pages_now == 0:
        return 0
    if pages > 0 and tuples > 0:
        return round(tuples / pages * pages_now)
    return live or None


def _with_partitions(oid: int, sizes: Mapping[int, Size], children: Mapping[int, list[int]]) -> Size:
    size = sizes[oid]
    if size.kind != "partitioned":
        return size
    parts = [_with_partitions(child, sizes, children) for child in children.get(oid, ()) if child in sizes]
    known = [part.rows for part in parts if part.rows is not None]
    return replace(
        size,
        rows=sum(known) if len(known) == len(parts) else None,
        heap=sum(part.heap for part in parts),
        toast=sum(part.toast for part in parts),
        index_bytes=sum(part.index_bytes for part in parts),
    )


@functools.cache
def _statements() -> Mapping[str, sql.SQL]:
    return named_statements("facts.sql")

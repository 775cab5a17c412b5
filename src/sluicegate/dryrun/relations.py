"""What the server's catalogs say at one moment: relations with their files, the locks we hold, and scan counters.

A lock or a file is looked up by OID in the state from *before* the statement, so a dropped relation keeps its name and
a new one stays out.
"""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from sluicegate.effects.model import LockMode

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    import psycopg
    from psycopg.rows import TupleRow

# Everything is qualified: the migration may have set any search_path.
_RELATIONS = """
SELECT c.oid::bigint, n.nspname, c.relname, c.relkind::text, c.relfilenode::bigint, i.indrelid::bigint, i.indisvalid,
       parent.inhparent::bigint
FROM pg_catalog.pg_class AS c
JOIN pg_catalog.pg_namespace AS n ON n.oid = c.relnamespace
LEFT JOIN pg_catalog.pg_index AS i ON i.indexrelid = c.oid
LEFT JOIN pg_catalog.pg_inherits AS parent ON parent.inhrelid = c.oid AND c.relispartition
WHERE c.relkind <> 't' AND n.nspname !~ '^(pg_catalog$|information_schema$|pg_toast)'
"""
_LOCKS = """
SELECT l.relation::bigint, l.mode
FROM pg_catalog.pg_locks AS l
WHERE l.pid = %s AND l.locktype = 'relation' AND l.relation IS NOT NULL
  AND l.database = (SELECT d.oid FROM pg_catalog.pg_database AS d WHERE d.datname = pg_catalog.current_database())
"""
_COUNTERS = """
SELECT relid::bigint, seq_scan, COALESCE(idx_scan, 0)
FROM pg_catalog.pg_stat_xact_user_tables
WHERE seq_scan > 0 OR idx_scan > 0
"""
_FLUSHED_COUNTERS = """
SELECT relid::bigint, seq_scan, COALESCE(idx_scan, 0)
FROM pg_catalog.pg_stat_user_tables
WHERE seq_scan > 0 OR idx_scan > 0
"""
_FOREIGN_KEYS = """
SELECT conrelid::bigint, confrelid::bigint
FROM pg_catalog.pg_constraint
WHERE contype = 'f' AND conname = ANY (%s) AND convalidated
"""

TABLE_FILES = frozenset("rm")
TEMPORARY = "pg_temp"
"""The schema under which temporary relations are named, whatever number the server gave it."""
INDEX_KINDS = frozenset("iI")


@dataclass(frozen=True, slots=True)
class RelationState:
    """One row of ``pg_class``: ``kind`` is its ``relkind``, ``table`` the table of an index, ``file`` its filenode."""

    oid: int
    schema: str
    own_name: str
    kind: str
    file: int
    table: int | None
    valid: bool
    partition_of: int | None

    @property
    def name(self) -> str:
        """Return ``schema.name`` without quotes."""
        return f"{self.schema}.{self.own_name}"


@dataclass(frozen=True, slots=True)
class State:
    """The relations of a database at one moment, the backend's locks (OID → modes), and its scan counters."""

    relations: Mapping[int, RelationState]
    locks: Mapping[int, frozenset[LockMode]] = field(default_factory=dict)
    scans: Mapping[int, tuple[int, int]] = field(default_factory=dict)

    def index_files(self) -> frozenset[int]:
        """Return the files of all indexes."""
        return frozenset(r.file for r in self.relations.values() if r.kind in INDEX_KINDS and r.file)

    def leaves(self, oid: int) -> frozenset[int]:
        """Return the tables that hold the rows of a table: itself, or a partitioned table's partitions."""
        relation = self.relations.get(oid)
        if relation is None or relation.kind != "p":
            return frozenset({oid})
        children = [r.oid for r in self.relations.values() if r.partition_of == oid and r.kind not in INDEX_KINDS]
        return frozenset(leaf for child in children for leaf in self.leaves(child))


def read_state(connection: psycopg.Connection[TupleRow], *, flushed: bool = False) -> State:
    """Read the state as the connection's own transaction sees it.

    Args:
        connection: an open connection whose transaction, if any, is not aborted.
        flushed: read the scan counters of finished transactions (of all sessions) instead of the pending ones of
            this transaction.
    """
    counters = _COUNTERS
    if flushed:
        counters = _FLUSHED_COUNTERS
        connection.execute("SELECT pg_catalog.pg_stat_clear_snapshot()")
    return State(
        relations=read_relations(connection),
        locks=read_locks(connection, connection.info.backend_pid),
        scans={o: (s, i) for o, s, i in connection.execute(counters)},
    )


def read_relations(connection: psycopg.Connection[TupleRow]) -> dict[int, RelationState]:
    """Read every relation outside the system's schemas, by OID."""
    found: dict[int, RelationState] = {}
    for oid, schema, name, kind, file, table, valid, parent in connection.execute(_RELATIONS).fetchall():
        found[oid] = RelationState(
            oid=oid,
            schema=TEMPORARY if schema.startswith("pg_temp_") else schema,
            own_name=name,
            kind=kind,
            file=file,
            table=table,
            valid=valid is not False,
            partition_of=parent,
        )
    return found


def read_locks(connection: psycopg.Connection[TupleRow], pid: int) -> dict[int, frozenset[LockMode]]:
    """Read which modes a backend holds or waits for, by relation OID."""
    modes: defaultdict[int, set[LockMode]] = defaultdict(set)
    for oid, mode in connection.execute(_LOCKS, (pid,)).fetchall():
        modes[oid].add(LockMode[mode])
    return {oid: frozenset(found) for oid, found in modes.items()}


def foreign_key_tables(connection: psycopg.Connection[TupleRow], constraints: Iterable[str]) -> list[tuple[int, int]]:
    """Return referencing and referenced table of the validated foreign keys with these names."""
    names = sorted(set(constraints))
    if not names:
        return []
    rows = connection.execute(_FOREIGN_KEYS, (names,)).fetchall()
    return [(child, parent) for child, parent in rows]

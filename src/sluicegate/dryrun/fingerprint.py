"""Prove that a database's catalog is the same before and after: one digest for each kind of thing in it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from psycopg import sql

from sluicegate.pg.connect import translated

if TYPE_CHECKING:
    from collections.abc import Mapping

    import psycopg
    from psycopg.rows import TupleRow

# VACUUM, ANALYZE and index builds of other sessions change the remaining columns of pg_class and pg_index.
_CLASS = (
    "oid, relname, relnamespace, reltype, reloftype, relowner, relam, relfilenode, reltablespace, reltoastrelid, "
    "relisshared, relpersistence, relkind, relnatts, relchecks, relrowsecurity, relforcerowsecurity, relispopulated, "
    "relreplident, relispartition, relacl, reloptions, relpartbound"
)
_INDEX = (
    "indexrelid, indrelid, indnatts, indnkeyatts, indisunique, indisprimary, indisexclusion, indimmediate, "
    "indisclustered, indisvalid, indisready, indislive, indisreplident, indkey, indcollation, indclass, indoption, "
    "indexprs, indpred"
)
_COLUMNS = {"pg_class": _CLASS, "pg_index": _INDEX}

# Other sessions' temporary objects come and go: catalog → the column that leads to their schema, or to their relation.
_IN_SCHEMA = {
    "pg_namespace": "oid",
    "pg_class": "relnamespace",
    "pg_type": "typnamespace",
    "pg_proc": "pronamespace",
    "pg_constraint": "connamespace",
    "pg_operator": "oprnamespace",
    "pg_statistic_ext": "stxnamespace",
}
_OF_RELATION = {
    "pg_attribute": "attrelid",
    "pg_attrdef": "adrelid",
    "pg_index": "indrelid",
    "pg_sequence": "seqrelid",
    "pg_trigger": "tgrelid",
    "pg_policy": "polrelid",
    "pg_rewrite": "ev_class",
    "pg_inherits": "inhrelid",
}
_OTHERS = (
    *("pg_enum", "pg_extension", "pg_description", "pg_partitioned_table", "pg_publication", "pg_publication_rel"),
    *("pg_event_trigger", "pg_cast", "pg_opclass", "pg_opfamily", "pg_collation", "pg_foreign_table"),
    *("pg_default_acl", "pg_range", "pg_aggregate"),
)
_DIGEST = sql.SQL(
    """
    WITH temporary AS (SELECT oid FROM pg_catalog.pg_namespace WHERE nspname ~ '^pg_(toast_)?temp_')
    SELECT pg_catalog.md5(pg_catalog.string_agg(line, E'\\n' ORDER BY line COLLATE "C"))
    FROM (SELECT rows::text AS line FROM (SELECT {columns} FROM pg_catalog.{name} WHERE {condition}) AS rows) AS lines
    """
)
_ANY = sql.SQL("true")
_SCHEMA = sql.SQL("{} NOT IN (SELECT oid FROM temporary)")
_RELATION = sql.SQL("{} NOT IN (SELECT oid FROM pg_catalog.pg_class WHERE relnamespace IN (SELECT oid FROM temporary))")
_SEQUENCES = (
    "SELECT pg_catalog.quote_ident(schemaname) || '.' || pg_catalog.quote_ident(sequencename), last_value"
    " FROM pg_catalog.pg_sequences"
)


@dataclass(frozen=True, slots=True)
class Fingerprint:
    """A database at one moment.

    Attributes:
        digests: catalog → digest of its rows.
        position: the revisions that ``alembic_version`` holds.
        sequences: sequence → its last value.
    """

    digests: Mapping[str, str]
    position: tuple[str, ...]
    sequences: Mapping[str, int | None]


@dataclass(frozen=True, slots=True)
class Proof:
    """Two fingerprints held against each other.

    Attributes:
        catalogs: how many system catalogs were compared.
        changed: the catalogs that differ.
        position: the revisions that ``alembic_version`` held before.
        moved: whether ``alembic_version`` holds others now.
        sequences: sequences whose value went on; PostgreSQL never takes that back.
    """

    catalogs: int
    changed: tuple[str, ...]
    position: tuple[str, ...]
    moved: bool
    sequences: tuple[str, ...]

    @property
    def unchanged(self) -> bool:
        """Tell whether the schema and Alembic's position are what they were."""
        return not self.changed and not self.moved


def take_fingerprint(connection: psycopg.Connection[TupleRow], version_table: tuple[str | None, str]) -> Fingerprint:
    """Read a fingerprint in the connection's current transaction or a new one.

    Args:
        connection: an open connection.
        version_table: schema (None for the search path) and name of Alembic's table.

    Raises:
        ServerError: the catalogs cannot be read.
    """
    with translated("reading the catalog's fingerprint"):
        digests = {}
        for name, query in _queries().items():
            row = connection.execute(query).fetchone()
            digests[name] = str(row[0]) if row else ""
        sequences: dict[str, int | None] = dict(connection.execute(_SEQUENCES).fetchall())
        return Fingerprint(digests, read_position(connection, version_table), sequences)


def read_position(connection: psycopg.Connection[TupleRow], version_table: tuple[str | None, str]) -> tuple[str, ...]:
    """Return the revisions that Alembic's table holds; nothing when there is no table."""
    schema, name = version_table
    table = sql.Identifier(schema, name) if schema else sql.Identifier(name)
    there = connection.execute("SELECT pg_catalog.to_regclass(%s)", (table.as_string(connection),)).fetchone()
    if there is None or there[0] is None:
        return ()
    rows = connection.execute(sql.SQL("SELECT version_num FROM {} ORDER BY 1").format(table)).fetchall()
    return tuple(str(row[0]) for row in rows)


def prove(before: Fingerprint, after: Fingerprint) -> Proof:
    """Hold two fingerprints against each other."""
    changed = tuple(name for name in before.digests if before.digests[name] != after.digests.get(name))
    moved_on = (name for name, value in after.sequences.items() if before.sequences.get(name, value) != value)
    return Proof(
        catalogs=len(before.digests),
        changed=changed,
        position=before.position,
        moved=before.position != after.position,
        sequences=tuple(sorted(moved_on)),
    )


def _queries() -> dict[str, sql.Composed]:
    conditions: dict[str, sql.Composable] = {
        **{name: _SCHEMA.format(sql.Identifier(column)) for name, column in _IN_SCHEMA.items()},
        **{name: _RELATION.format(sql.Identifier(column)) for name, column in _OF_RELATION.items()},
        **dict.fromkeys(_OTHERS, _ANY),
    }
    return {
        name: _DIGEST.format(columns=sql.SQL(_COLUMNS.get(name, "*")), name=sql.Identifier(name), condition=condition)
        for name, condition in conditions.items()
    }

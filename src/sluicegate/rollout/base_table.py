"""What a generated backfill must know of its table: the key's types, and rows that the table would take."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import psycopg
from psycopg import sql

from sluicegate.errors import UsageError
from sluicegate.pg.connect import connect, translated

if TYPE_CHECKING:
    from collections.abc import Sequence

    from sluicegate.backfill.definition import TableName

# Domains stand for what they are made of; an identity or a generated column takes no value.
_COLUMNS = """
SELECT a.attname, format_type(a.atttypid, a.atttypmod) AS type, a.attnotnull,
       a.attidentity <> '' OR a.attgenerated <> '' AS given,
       coalesce(pg_get_expr(d.adbin, d.adrelid) LIKE 'nextval(%%', false) AS counted,
       t.typname, t.typtype::text, t.typcategory::text,
       (SELECT e.enumlabel FROM pg_enum AS e WHERE e.enumtypid = t.oid ORDER BY e.enumsortorder LIMIT 1) AS label
FROM pg_attribute AS a
JOIN pg_type AS own ON own.oid = a.atttypid
JOIN pg_type AS t ON t.oid = CASE WHEN own.typtype = 'd' THEN own.typbasetype ELSE own.oid END
LEFT JOIN pg_attrdef AS d ON d.adrelid = a.attrelid AND d.adnum = a.attnum
WHERE a.attrelid = to_regclass(%(table)s) AND a.attnum > 0 AND NOT a.attisdropped
ORDER BY a.attnum
"""
_UNIQUE = """
SELECT 1
FROM pg_index AS i
WHERE i.indrelid = to_regclass(%(table)s) AND i.indisunique AND i.indisvalid AND i.indimmediate AND i.indpred IS NULL
  AND ARRAY(
      SELECT a.attname::text FROM pg_attribute AS a
      WHERE a.attrelid = i.indrelid AND a.attnum = ANY (i.indkey::smallint[]) ORDER BY 1
  ) = ARRAY(SELECT k FROM unnest(%(key)s::text[]) AS k ORDER BY 1)
  AND i.indnatts = cardinality(%(key)s::text[])
"""

_NUMBERS = ("int2", "int4", "int8", "numeric", "float4", "float8", "oid")
_TEXTS = ("text", "varchar", "bpchar", "citext", "name")
_MOMENTS = ("timestamptz", "timestamp", "date")
_OTHERS = {
    "bool": "n % 2 = 0",
    "uuid": "md5(n::text)::uuid",
    "json": "json_build_object('n', n)",
    "jsonb": "jsonb_build_object('n', n)",
    "bytea": "decode(md5(n::text), 'hex')",
    "interval": "n * interval '1 second'",
    "time": "time '00:00' + n * interval '1 second'",
    "inet": "inet '10.0.0.0' + n",
}


@dataclass(frozen=True, slots=True)
class Column:
    """A column.

    Attributes:
        name: its name.
        type: as SQL, with modifiers.
        not_null: whether it must have a value.
        sample: an expression over ``n`` for its values in a test; None where the server gives them or nobody knows.
        given: whether the server gives the value.
    """

    name: str
    type: str
    not_null: bool
    sample: str | None
    given: bool


@dataclass(frozen=True, slots=True)
class BaseTable:
    """A table that a backfill walks."""

    name: TableName
    columns: tuple[Column, ...]

    def key(self, names: Sequence[str]) -> tuple[Column, ...]:
        """Return the key's columns.

        Raises:
            UsageError: the table has no such column.
        """
        known = {column.name: column for column in self.columns}
        for name in names:
            if name not in known:
                raise UsageError(
                    f"{self.name} has no column {name!r}.", hint=f"Its columns: {', '.join(known)}. Correct --key."
                )
        return tuple(known[name] for name in names)

    @property
    def unknown(self) -> tuple[str, ...]:
        """Columns that need a value and for whose type none is known."""
        return tuple(c.name for c in self.columns if c.not_null and not c.given and c.sample is None)


def read(url: str, table: TableName, key: Sequence[str]) -> BaseTable:
    """Read a table from a database that the repository's revisions have built.

    Raises:
        UsageError: there is no such table, or nothing makes the key unique.
    """
    with connect(url) as connection, translated(f"reading {table}"):
        quoted = sql.Identifier(*table).as_string(connection)
        parameters = {"table": quoted, "key": list(key)}
        rows = connection.execute(_COLUMNS, parameters).fetchall()
        unique = connection.execute(_UNIQUE, parameters).fetchone()
    columns = tuple(
        Column(
            name, kind, not_null, None if given or counted else _sample(kind, base, category, label), given or counted
        )
        for name, kind, not_null, given, counted, base, _typtype, category, label in rows
    )
    if not columns:
        raise UsageError(
            f"The revisions create no table {table}.",
            hint="Name it as schema.table; a table that no revision creates cannot be rehearsed.",
        )
    found = BaseTable(table, columns)
    found.key(key)
    if unique is None:
        raise UsageError(
            f"No unique constraint of {table} has exactly the columns ({', '.join(key)}), so they are no key.",
            hint="Name the primary key's columns with --key.",
        )
    return found


def try_out(
    url: str, base: BaseTable, *, into: TableName | None, kind: str, value: str, where: str, source: str | None
) -> None:
    """Have the server plan what a backfill would write, so that nothing is written to files that cannot run.

    Args:
        url: a database that the repository's revisions have built; it goes away afterwards.
        base: the table that is walked.
        into: a table that shall be created; None where none shall.
        kind: the type of the column that takes the value.
        value: what a row gets, over ``row``.
        where: which rows are owed it, over ``row``.
        source: what makes a row stale, over ``row``; None where nothing does.

    Raises:
        UsageError: the server refuses one of them, or the table is there.
    """
    rows = sql.SQL("FROM {} AS row").format(sql.Identifier(*base.name))
    takes = "CREATE TEMPORARY TABLE sluicegate_tried (value {})"
    steps = [("--type", sql.SQL(takes).format(sql.SQL(kind)))]
    for option, select in (
        ("--where", "EXPLAIN SELECT {} WHERE (\n" + _plain(where) + "\n)"),
        ("--value", "EXPLAIN INSERT INTO sluicegate_tried SELECT (\n" + _plain(value) + "\n) {}"),
        ("--source", "EXPLAIN SELECT (\n" + _plain(source or "1") + "\n)::text {}"),
    ):
        steps.append((option, sql.SQL(select).format(rows)))
    with connect(url) as connection:
        if into is not None:
            named = sql.Identifier(*into).as_string(connection)
            found = connection.execute("SELECT to_regclass(%s) IS NOT NULL", (named,)).fetchone()
            if found and found[0]:
                raise UsageError(f"The revisions create {into} already.", hint="Name a table that is new with --into.")
        for option, statement in steps:
            try:
                connection.execute(statement)
            except psycopg.Error as error:
                said = error.diag.message_primary or str(error)
                raise UsageError(
                    f"The server refuses {option}: {said} (SQLSTATE {error.sqlstate}).",
                    hint=f"{base.name} has the columns {', '.join(c.name for c in base.columns)}. Correct {option}.",
                ) from None


def _plain(text: str) -> str:
    """Return the author's SQL as a template that stands for itself."""
    return text.replace("{", "{{").replace("}", "}}")


def _sample(kind: str, base: str, category: str, label: str | None) -> str | None:
    if label is not None:
        return "'" + label.replace("'", "''") + f"'::{kind}"
    if base in _NUMBERS:
        return "n"
    if base in _TEXTS:
        return f"('row ' || n)::{kind}"
    if base in _MOMENTS:
        return f"(timestamp '2026-01-01' + n * interval '1 second')::{kind}"
    if base == "vector" and "(" in kind:
        size = kind.partition("(")[2].rstrip(")")
        return f"array_fill(1.0 / n, ARRAY[{size}])::{kind}"
    if category == "A":
        return f"'{{}}'::{kind}"
    return _OTHERS.get(base)

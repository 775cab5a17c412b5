"""Walk a table by its pages, for keys whose order says nothing: the fastest way to read a large table once."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from psycopg import sql

from sluicegate.backfill.statements import Statements
from sluicegate.errors import UsageError

if TYPE_CHECKING:
    from sluicegate.backfill.chunks import Range

PLACE = "ctid"
"""The key that asks for this walk: where a row's version lies, ``(page,number)``."""

TYPE = "tid"


@dataclass(frozen=True, slots=True)
class Pages(Statements):
    """A backfill's statements over ranges of pages (TID range scans, PostgreSQL 14 and later).

    A row that is updated moves, maybe to a page that was passed: what it is owed is found by the proof. The plan ends
    at the page that was the last one when the run began. VACUUM FULL, CLUSTER and rewriting ALTER TABLE put every row
    somewhere else, so the table's file is part of the key and looked at in each chunk.
    """

    @property
    def file(self) -> sql.Composed:
        """The number of the table's file; the chunk's statement before it keeps the table from being rewritten."""
        return sql.SQL("SELECT pg_relation_filenode({}::regclass)::text").format(self._named)

    def upper(self) -> sql.Composed:
        """The end of the last page; no row for an empty table."""
        return sql.SQL("SELECT '(' || pages || ',0)' FROM ({}) AS t WHERE pages > 0").format(self._size)

    def strides(self, keys: Range) -> sql.Composed:
        """The ends of the first ``window`` chunks of about ``size`` rows within a range that has an upper bound.

        How many rows a page holds is taken from the statistics, or else from the first pages.
        """
        start = sql.SQL("({}::text::point)[0]::bigint").format(self._placeholder("lo", 0)) if keys.lo else sql.SQL("0")
        return sql.SQL(
            "SELECT '(' || p.page || ',0)' FROM ({size}) AS t CROSS JOIN LATERAL ("
            "SELECT greatest(1, floor(%(size)s / greatest(1, coalesce(t.density, ("
            "SELECT count(*)::float8 / greatest(1, least(8, t.pages)) FROM {table} AS row WHERE row.ctid < '(8,0)'"
            ")))))::bigint AS step) AS s CROSS JOIN LATERAL ("
            "SELECT {start} + n * s.step AS page FROM generate_series(1, %(window)s) AS n) AS p "
            "WHERE p.page < ({hi}::text::point)[0]::bigint ORDER BY p.page"
        ).format(size=self._size, table=self._table, start=start, hi=self._placeholder("hi", 0))

    def back(self) -> sql.Composed:
        """Refuse to go back in an order that is none.

        Raises:
            UsageError: always.
        """
        raise UsageError(
            f"{self.definition.table} is walked by page, and new rows lie on any page.",
            hint="Look at every row: sluicegate backfill verify, or tick --stale.",
        )

    def _chunk(self, source: sql.Composable, within: sql.Composable, keys: Range | None) -> sql.Composed:
        # A subquery has no system columns of its own; with this one the author can join by place.
        return sql.SQL("(SELECT row.ctid, row.* FROM {} WHERE {} AND {})").format(
            source, within, self._missing(keys, filling=True)
        )

    @property
    def _named(self) -> sql.Literal:
        schema, name = (part.replace('"', '""') for part in self.definition.relation)
        return sql.Literal(f'"{schema}"."{name}"')

    @property
    def _size(self) -> sql.Composed:
        return sql.SQL(
            "SELECT pg_relation_size(c.oid) / current_setting('block_size')::integer AS pages, "
            "CASE WHEN c.reltuples > 0 AND c.relpages > 0 THEN c.reltuples::float8 / c.relpages END AS density "
            "FROM pg_class AS c WHERE c.oid = {}::regclass"
        ).format(self._named)

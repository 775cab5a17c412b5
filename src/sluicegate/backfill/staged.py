"""The SQL for rows that a Python function computes: read a chunk, stage results, write them where nothing changed."""

from __future__ import annotations

from dataclasses import dataclass, fields
from typing import TYPE_CHECKING, Self

from psycopg import sql

from sluicegate.backfill.definition import Apply
from sluicegate.backfill.implied import ROW
from sluicegate.backfill.statements import Statements

if TYPE_CHECKING:
    from sluicegate.backfill.chunks import Range


@dataclass(frozen=True, slots=True)
class Staged(Statements):
    """A backfill's statements with those for a function.

    A row is known by its key and its version, the transaction that wrote it (``xmin``): only results for rows that are
    still what the function was given are written.
    """

    @classmethod
    def of(cls, statements: Statements) -> Self:
        """Return the same statements with those for a function."""
        return cls(**{one.name: getattr(statements, one.name) for one in fields(Statements)})

    def read(self, keys: Range) -> sql.Composed:
        """The rows of a range that are owed work: key, the columns that the function asks for, and version."""
        columns = [*self.definition.keys, *self.work.columns]
        return sql.SQL("SELECT {}, row.xmin::text FROM {} AS row WHERE {} AND {} ORDER BY {}").format(
            sql.SQL(", ").join(sql.Identifier(ROW, column) for column in columns),
            self._table,
            self.within(keys),
            self._missing(keys, filling=True),
            self._order(),
        )

    def stage(self) -> sql.Composed:
        """Create the table for results, of the types that they will have, unless this session has it.

        It empties itself at each commit. Behind a pooler the session may be another one than before, so this is asked
        in every transaction, and the name carries the definition.
        """
        keys = self.definition.keys
        columns = [
            *((ROW, column) for column in keys),
            *(("t", column) for column in self.work.writes[len(keys) :]),
        ]
        return sql.SQL(
            "CREATE TEMPORARY TABLE IF NOT EXISTS {stage} ON COMMIT DELETE ROWS AS "
            "SELECT row.xmin AS version, {columns} FROM {table} AS row, {target} AS t WITH NO DATA"
        ).format(
            stage=sql.Identifier(self._stage_name),
            columns=sql.SQL(", ").join(
                sql.SQL("{} AS {}").format(sql.Identifier(*column), sql.Identifier(f"v{number}"))
                for number, column in enumerate(columns)
            ),
            table=self._table,
            target=self._target,
        )

    def copy(self) -> sql.Composed:
        """Take results in, each with its row's version."""
        return sql.SQL("COPY {} FROM STDIN").format(self._stage)

    def staged(self) -> sql.Composed:
        """No result, for the types that they have."""
        return sql.SQL("SELECT * FROM {} LIMIT 0").format(self._stage)

    def write(self, keys: Range) -> sql.Composed:
        """Write what was staged for rows of a range that are unchanged and still lack it."""
        count = len(self.definition.keys)
        writes = self.work.writes
        same = sql.SQL("{} AND row.xmin = s.version").format(
            sql.SQL(" AND ").join(
                sql.SQL("{} = {}").format(sql.Identifier(ROW, column), self._value(number))
                for number, column in enumerate(self.definition.keys)
            )
        )
        within = sql.SQL("{} AND {}").format(self.within(keys), self._missing(keys, filling=True))
        stage = sql.SQL("{} AS s").format(self._stage)
        if not self.work.update:
            return sql.SQL(
                "INSERT INTO {target} ({columns}) SELECT {values} FROM {stage} JOIN {table} AS row ON {same} "
                "WHERE {within}"
            ).format(
                target=self._target,
                columns=sql.SQL(", ").join(map(sql.Identifier, writes)),
                values=sql.SQL(", ").join(self._value(number) for number in range(len(writes))),
                stage=stage,
                table=self._table,
                same=same,
                within=within,
            )
        changes = sql.SQL(", ").join(
            sql.SQL("{} = {}").format(sql.Identifier(column), self._value(number))
            for number, column in enumerate(writes[count:], count)
        )
        if self.work.target == self.definition.relation:
            # The row is locked and looked at again before it is changed, so another version is left alone.
            return sql.SQL("UPDATE {table} AS row SET {changes} FROM {stage} WHERE {same} AND {within}").format(
                table=self._table, changes=changes, stage=stage, same=same, within=within
            )
        mine = sql.SQL(" AND ").join(
            sql.SQL("{} = {}").format(sql.Identifier("t", column), self._value(number))
            for number, column in enumerate(writes[:count])
        )
        return sql.SQL(
            "UPDATE {target} AS t SET {changes} FROM {stage} JOIN {table} AS row ON {same} WHERE {mine} AND {within}"
        ).format(
            target=self._target,
            changes=changes,
            stage=stage,
            table=self._table,
            same=same,
            mine=mine,
            within=within,
        )

    @property
    def work(self) -> Apply:
        """The function and where its results go."""
        if not isinstance(self.definition.apply, Apply):
            raise TypeError("this backfill applies a statement")
        return self.definition.apply

    @property
    def _stage_name(self) -> str:
        return f"sluicegate_{self.definition.fingerprint}"

    @property
    def _stage(self) -> sql.Identifier:
        return sql.Identifier("pg_temp", self._stage_name)

    @property
    def _target(self) -> sql.Identifier:
        return sql.Identifier(*self.work.target)

    @staticmethod
    def _value(number: int) -> sql.Identifier:
        return sql.Identifier("s", f"v{number}")

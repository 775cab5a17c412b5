"""Give a chunk's rows to the author's Python function, check what it returns, and write it by COPY."""

from __future__ import annotations

from collections import namedtuple
from typing import TYPE_CHECKING, Any

import psycopg
from psycopg.types import TypeInfo

from sluicegate.backfill.staged import Staged
from sluicegate.backfill.statements import bound_parameters

if TYPE_CHECKING:
    from collections.abc import Sequence

    from sluicegate.backfill.chunks import Range
    from sluicegate.backfill.statements import Statements
    from sluicegate.store.runs import Connection


class FunctionError(psycopg.DataError):
    """The author's function raised, or returned what no column takes; some row of the chunk is to blame."""

    # PostgreSQL 18 manual, appendix A: external_routine_exception, what a function outside the server raises.
    sqlstate = "38000"


Result = tuple[Any, ...]
"""What is written for a row: the version of the row it was computed from, then values as ``writes`` names them."""


class FunctionChunks:
    """Reads, computes and writes chunks of a backfill whose work is a function."""

    def __init__(self, statements: Statements) -> None:
        """Prepare."""
        self.statements = Staged.of(statements)
        self._keys = len(self.statements.definition.keys)
        names = [*self.statements.definition.keys, *self.statements.work.columns]
        # A column may be called what no attribute can be; then it is known by its position, as _1.
        self._row = namedtuple("Row", names, rename=True)  # type: ignore[misc] # noqa: PYI024 - known at run time
        self._adapted: Connection | None = None
        self._vectors: list[type[Any] | None] = []

    @property
    def network(self) -> bool:
        """Whether no transaction may be open while the function runs."""
        return self.statements.work.network

    def read(self, connection: Connection, keys: Range) -> list[tuple[Any, ...]]:
        """Return the rows of a range that are owed work: what the function is given, and last the version."""
        self._adapt(connection)
        return connection.execute(self.statements.read(keys), bound_parameters(keys)).fetchall()

    def compute(self, rows: Sequence[tuple[Any, ...]]) -> list[Result]:
        """Call the function, and tie each of its results to the row it came from.

        Raises:
            FunctionError: it raised.
            psycopg.ProgrammingError: it returned something else than it should.
        """
        if not rows:
            return []
        work = self.statements.work
        versions = {row[: self._keys]: row[-1] for row in rows}
        try:
            results = [tuple(result) for result in work.function([self._row(*row[:-1]) for row in rows])]
        except Exception as error:
            name = getattr(work.function, "__name__", "the function")
            raise FunctionError(f"{name} raised {type(error).__name__}: {error}") from error
        for result in results:
            if len(result) != len(work.writes):
                raise psycopg.ProgrammingError(
                    f"the function returned {len(result)} values, and writes names {len(work.writes)} columns"
                )
            if result[: self._keys] not in versions:
                key = ", ".join(map(str, result[: self._keys]))
                raise psycopg.ProgrammingError(f"the function returned a row for key {key}, which it was not given")
        return [(versions[result[: self._keys]], *result) for result in results]

    def write(self, connection: Connection, keys: Range, results: Sequence[Result]) -> int:
        """Write results for rows that are unchanged and still lack them; return how many."""
        if not results:
            return 0
        self._adapt(connection)
        connection.execute(self.statements.stage())
        try:
            with connection.cursor() as cursor, cursor.copy(self.statements.copy()) as copy:
                for row in results:
                    copy.write_row([self._shaped(number, value) for number, value in enumerate(row)])
        except psycopg.DataError as error:
            if error.sqlstate is None:  # the driver cannot say this value in the column's words, such as a NUL in text
                raise FunctionError(str(error)) from error
            raise
        return max(connection.execute(self.statements.write(keys), bound_parameters(keys)).rowcount, 0)

    def _shaped(self, number: int, value: Any) -> Any:
        """Make a vector of a plain list where the column is one."""
        kind = self._vectors[number]
        return value if kind is None or value is None or isinstance(value, (kind, str)) else kind(value)

    def _adapt(self, connection: Connection) -> None:
        """Teach a connection pgvector's types, once, and learn which of our columns have them."""
        if self._adapted is connection:
            return
        vectors: dict[int, type[Any]] = {}
        if TypeInfo.fetch(connection, "vector") is not None:
            from pgvector import HalfVector, SparseVector, Vector
            from pgvector.psycopg import register_vector

            register_vector(connection)
            for name, kind in (("vector", Vector), ("halfvec", HalfVector), ("sparsevec", SparseVector)):
                info = TypeInfo.fetch(connection, name)
                if info is not None:
                    vectors[info.oid] = kind
        connection.execute(self.statements.stage())
        columns = connection.execute(self.statements.staged()).description or []
        self._vectors = [vectors.get(column.type_code) for column in columns]
        self._adapted = connection

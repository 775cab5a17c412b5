"""Try one chunk for real and roll it back: what the whole backfill would cost, and the proof that nothing changed."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from sluicegate.backfill import preflight
from sluicegate.backfill.chunks import Range
from sluicegate.backfill.computing import FunctionChunks
from sluicegate.backfill.definition import Apply, HighWatermark
from sluicegate.backfill.session import open_session
from sluicegate.backfill.statements import bound_parameters
from sluicegate.backfill.tracking.sidecar import span_of, span_parameters
from sluicegate.errors import ServerError
from sluicegate.pg.connect import translated
from sluicegate.store import runs, schema
from sluicegate.store.queries import statement

if TYPE_CHECKING:
    from collections.abc import Callable

    from sluicegate.backfill.definition import LoadedBackfill
    from sluicegate.backfill.statements import Statements
    from sluicegate.store.runs import Connection

LOOKED_AT = 100
"""So many chunks are looked through for one with rows that are owed work."""


class NotRolledBackError(ServerError):
    """The transaction of a trial was not rolled back."""


@dataclass(frozen=True, slots=True)
class Trial:
    """What one chunk did before it was rolled back.

    Attributes:
        rows: rows that it wrote; 0 when no chunk that was looked at owed any.
        keys: the key at which it ends; None when the table is empty or the chunk reaches its end.
        seconds: how long its statements took.
        wal_bytes: what the whole server wrote to its WAL meanwhile, full-page images among it.
        growth_bytes: by how much the tables and their indexes grew.
        updated: rows that it updated; ``hot`` of them within their page, without touching an index.
        locks: each table that it locked → the modes, by PostgreSQL's names.
        estimate: the planner's guess of the table's rows; -1 when it has none.
        database: the database's name.
        xact: the transaction's number; the server says that it is aborted.
    """

    rows: int
    keys: tuple[str, ...] | None
    seconds: float
    wal_bytes: int
    growth_bytes: int
    updated: int
    hot: int
    locks: dict[str, list[str]]
    estimate: int
    database: str
    xact: str


def attempt(loaded: LoadedBackfill, url: str, *, batch_size: int, clock: Callable[[], float]) -> Trial:
    """Run the next chunk that is owed work, measure it, and roll it back; neither rows nor ledger change.

    What remains of a chunk that was rolled back is dead row versions, which vacuum takes away, and numbers that
    sequences gave out.

    Raises:
        UsageError: the database is not as the backfill needs it.
        ServerError: the chunk fails, or the server cannot be asked.
        NotRolledBackError: the server does not confirm the rollback.
    """
    connection = open_session(url, loaded.name, lease_seconds=600)
    try:
        with translated(f"trying a chunk of backfill {loaded.name}"):
            schema.require(connection)
            checked = preflight.inspect(connection, loaded.definition)
            row = runs.get(connection, loaded.name)
            connection.commit()
            mark = tuple(row.mark) if row and row.mark else None
            return _Attempt(connection, loaded, checked, batch_size, clock).run(mark)
    finally:
        connection.close()


class _Attempt:
    def __init__(
        self,
        connection: Connection,
        loaded: LoadedBackfill,
        checked: preflight.Preflight,
        batch_size: int,
        clock: Callable[[], float],
    ) -> None:
        self._connection, self._loaded, self._checked = connection, loaded, checked
        self._size, self._clock = batch_size, clock
        apply = loaded.definition.apply
        self._function = FunctionChunks(self._statements) if isinstance(apply, Apply) else None

    @property
    def _statements(self) -> Statements:
        return self._checked.statements

    def run(self, mark: tuple[str, ...] | None) -> Trial:
        connection, statements = self._connection, self._statements
        top = connection.execute(statements.upper()).fetchone()
        upper = tuple(top) if top else None
        lo, trial = mark, None
        for _ in range(LOOKED_AT):
            rest = Range(lo, upper)
            parameters = {**bound_parameters(rest), "size": self._size, "window": 1}
            end = connection.execute(statements.bounds(rest), parameters).fetchone() if upper else None
            keys = Range(lo, tuple(end) if end else upper)
            connection.rollback()
            trial = self._try(keys)
            if trial.rows or end is None or keys.hi == upper:
                break
            lo = keys.hi
        if trial is None:
            raise AssertionError("a trial looks at one chunk at least")
        return trial

    def _try(self, keys: Range) -> Trial:
        connection = self._connection
        results = None
        if self._function is not None and self._function.network:
            # As in a run: no transaction is open while a provider is asked.
            owed = self._function.read(connection, keys)
            connection.rollback()
            results = self._function.compute(owed)
        try:
            begun = connection.execute(statement("trial_wal")).fetchone()
            wal, xact = begun or ("0/0", "0")
            before = {row[0]: row for row in connection.execute(statement("trial_counts")).fetchall()}
            sizes = self._sizes()
            since = self._clock()
            if self._function is not None:
                given = self._function.compute(self._function.read(connection, keys)) if results is None else results
                rows = self._function.write(connection, keys, given)
            else:
                rows = self._write(keys)
            seconds = self._clock() - since
            after = connection.execute(statement("trial_counts")).fetchall()
            written = connection.execute(statement("trial_wal_since"), {"wal": wal}).fetchone()
            locks: dict[str, list[str]] = {}
            for name, mode in connection.execute(statement("trial_locks")).fetchall():
                locks.setdefault(name, []).append(mode)
        finally:
            connection.rollback()
        ended = connection.execute(statement("trial_end"), {"xact": xact}).fetchone()
        connection.rollback()
        if ended is None or ended[0] != "aborted":
            status = ended[0] if ended else "unknown"
            raise NotRolledBackError(f"The server says that transaction {xact} of the trial is {status}, not aborted.")
        changed = [(row, before.get(row[0], (row[0], 0, 0, 0, 0, row[5]))) for row in after]
        return Trial(
            rows=rows,
            keys=keys.hi,
            seconds=seconds,
            wal_bytes=int(written[0]) if written else 0,
            growth_bytes=sum(max(row[5] - sizes.get(row[0], row[5]), 0) for row, _was in changed),
            updated=sum(row[2] - was[2] for row, was in changed),
            hot=sum(row[3] - was[3] for row, was in changed),
            locks=locks,
            estimate=self._checked.estimate,
            database=self._checked.database,
            xact=str(xact),
        )

    def _sizes(self) -> dict[str, int]:
        """Return the sizes of every table that the definition's SQL may write to, before it does."""
        names = self._connection.execute(
            "SELECT relid::regclass::text FROM pg_stat_user_tables WHERE schemaname <> 'sluicegate' ORDER BY 1"
        ).fetchall()
        rows = self._connection.execute(statement("trial_sizes"), {"names": [name for (name,) in names]}).fetchall()
        return dict(rows)

    def _write(self, keys: Range) -> int:
        connection, statements = self._connection, self._statements
        if isinstance(self._loaded.definition.tracking, HighWatermark):
            return max(connection.execute(statements.apply(keys), bound_parameters(keys)).rowcount, 0)
        connection.execute(statements.enumerate(keys), bound_parameters(keys))
        claimed = connection.execute(statements.sidecar_claim(), {"size": self._size}).fetchone()
        columns = tuple(map(tuple, claimed)) if claimed and claimed[0] else ()
        if not columns:
            return 0
        span = span_of(columns, statements.key)
        parameters = span_parameters(columns, span)
        query = statements.sidecar_hashes()
        hashed = None if query is None else connection.execute(query, parameters).fetchone()
        rows = max(connection.execute(statements.apply_claimed(span), parameters).rowcount, 0)
        connection.execute(statements.sidecar_done(span), {**parameters, "hashes": hashed[0] if hashed else None})
        return rows

"""Work off ranges of the key: plan them ahead, take one, write its rows and its record in one transaction."""

from __future__ import annotations

import enum
import json
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import psycopg

from sluicegate.backfill.chunks import Bound, Place, Range, consecutive, half
from sluicegate.backfill.computing import FunctionChunks
from sluicegate.backfill.definition import Apply
from sluicegate.backfill.pages import Pages
from sluicegate.backfill.progress import ChunkRecord
from sluicegate.backfill.recovery import Next, Recovery
from sluicegate.backfill.retry import Failure, classify
from sluicegate.backfill.sizing import Sizer
from sluicegate.backfill.statements import bound_parameters
from sluicegate.backfill.states import RunState
from sluicegate.pg.errors import sqlstate_of, words_of
from sluicegate.store.queries import statement

if TYPE_CHECKING:
    from collections.abc import Callable

    from psycopg import sql

    from sluicegate.backfill.session import WorkerSession

FOLLOWING = 4
"""Chunks planned at once where their size follows a target time."""

WINDOW = 32
"""Chunks planned at once: their ends are found by an index-only walk before any of them is changed."""


class Kind(enum.StrEnum):
    """Why a range is in the ledger."""

    RANGE = "range"
    REQUEUE = "requeue"


class Step(enum.Enum):
    """What became of one step of work."""

    WORKED = "a chunk was dealt with"
    PLANNED = "chunks were planned"
    WAIT = "other workers hold everything that is left"
    DONE = "nothing is left"


@dataclass(frozen=True, slots=True)
class Chunk:
    """A range that this worker has claimed."""

    kind: Kind
    place: Place
    keys: Range
    attempts: int

    @property
    def identity(self) -> dict[str, Any]:
        """The parameters that name it in the ledger."""
        return {"kind": self.kind, "seq": self.place.seq, "part": self.place.part}


class Ranges:
    """The ranges of one kind, and the statement that is run for each."""

    def __init__(
        self,
        session: WorkerSession,
        recovery: Recovery,
        kind: Kind,
        work: Callable[[Range], sql.Composed],
        *,
        writes: bool,
        eager: bool,
    ) -> None:
        """Prepare.

        Args:
            session: the worker.
            recovery: what decides about failures.
            kind: which ranges.
            work: the statement for a range.
            writes: whether its rows are the ones that were owed, or only keys put on a list.
            eager: claim the next chunk in the round trip that commits one; only where no pause comes between them.
        """
        self._session, self._recovery, self._kind, self._work = session, recovery, kind, work
        self._writes, self._eager = writes, eager
        self._held: Chunk | None = None
        self.share = 1.0
        """How much of a whole chunk the last step dealt with, so that a small piece is followed by a small pause."""
        self._texts: dict[tuple[bool, bool], bytes] = {}
        computed = writes and isinstance(session.statements.definition.apply, Apply)
        self._sizer = Sizer(session.batch_size, session.target_seconds) if session.target_seconds else None
        self._sizes: dict[int, int] = {}  # of the full chunks that this worker planned, by their number
        self._function = FunctionChunks(session.statements) if computed else None

    def step(self) -> Step:
        """Deal with one chunk, or plan some, or say that there is nothing to take.

        Raises:
            LeaseLostError, LeaveError, BackfillFailedError, ServerError: as the session and the recovery do.
        """
        chunk, self._held = self._held, None
        try:
            chunk = chunk or self._take()
            if chunk is None:
                self._session.connection.commit()
                return self._plan() if self._kind is Kind.RANGE else self._left()
            self.share = chunk.place.share
            began = time.monotonic()
            rows, record = self._write(chunk)
        except psycopg.Error as error:
            self._recover(chunk, error)
            return Step.WORKED
        if self._sizer is not None and not chunk.place.part and chunk.place.seq in self._sizes:
            self._sizer.took(self._sizes.pop(chunk.place.seq), time.monotonic() - began)
        self._recovery.wrote(rows if self._writes else 0)
        self._session.around.listener.chunk(rows if self._writes else 0, chunk.keys.hi)
        self._session.around.record(record)
        return Step.WORKED

    def release(self) -> None:
        """Give back a chunk that was claimed ahead, with the transaction that holds it."""
        if self._held is not None:
            self._held = None
            self._session.rollback()

    def _take(self) -> Chunk | None:
        row = self._session.begin(*self._claim())
        return self._chunk(row) if row else None

    def _claim(self) -> tuple[bytes, dict[str, Any]]:
        return statement("chunk_claim"), {**self._session.identity, "kind": self._kind}

    def _chunk(self, row: tuple[Any, ...]) -> Chunk:
        seq, part, lo, hi, attempts = row
        return Chunk(self._kind, Place(seq, part), Range(_bound(lo), _bound(hi)), attempts)

    def _write(self, chunk: Chunk) -> tuple[int, ChunkRecord]:
        session = self._session
        rows = self._run(chunk.keys) if self._function is None else self._compute(self._function, chunk)
        committed = ahead = None
        try:
            with session.connection.pipeline():
                done = session.execute("chunk_done", **chunk.identity, rows=rows)
                session.execute("advance", rows=rows if self._writes else 0, parked=0)
                if self._eager and not session.sleep and not session.surplus and not session.around.stop():
                    committed = session.connection.execute("COMMIT AND CHAIN")
                    ahead = session.opening(*self._claim())
                else:
                    session.connection.commit()
        except psycopg.Error:
            if committed is None or committed.statusmessage != "COMMIT":
                raise
            session.rollback()  # this chunk is written; whatever hinders the next claim is met again there
            return rows, self._record(chunk, rows, (None, None))
        record = self._record(chunk, rows, done.fetchone() or (None, None))
        if ahead is not None:
            self._hold(ahead[0].fetchone(), ahead[1].fetchone())
        return rows, record

    def _record(self, chunk: Chunk, rows: int, measured: tuple[Any, ...]) -> ChunkRecord:
        seconds, wal = measured
        return ChunkRecord(chunk.kind, chunk.place.seq, chunk.keys.hi, rows, seconds, wal, self._session.owner)

    def _run(self, keys: Range) -> int:
        """Run the statement for a range; return how many rows it wrote."""
        # Composing parses the author's SQL; the text is the same for every chunk with the same open ends.
        shape = (keys.lo is None, keys.hi is None)
        if shape not in self._texts:
            self._texts[shape] = self._work(keys).as_bytes(self._session.connection)
        rows = max(self._session.connection.execute(self._texts[shape], bound_parameters(keys)).rowcount, 0)
        if isinstance(self._session.statements, Pages):
            self._check_file(self._session.statements)
        return rows

    def _check_file(self, statements: Pages) -> None:
        """End the run when the table was rewritten since its pages were planned.

        Raises:
            BackfillFailedError: it was.
        """
        row = self._session.connection.execute(statements.file).fetchone()
        if row is None or statements.key[0].version != f" of file {row[0]}":
            name = self._session.name
            self._recovery.fail(
                f"{statements.definition.table} was rewritten (VACUUM FULL, CLUSTER, TRUNCATE or ALTER TABLE) while it "
                "was walked by page, so its rows lie elsewhere now",
                f"Plan anew; rows that are done stay done: sluicegate backfill run {name} --restart.",
            )

    def _compute(self, function: FunctionChunks, chunk: Chunk) -> int:
        """Have the function work on a range; return how many rows were written."""
        session = self._session
        rows = function.read(session.connection, chunk.keys)
        if function.network and rows:
            # The claim outlives this transaction: the chunk is ours as long as our lease is.
            session.execute("chunk_begin", **chunk.identity)
            session.connection.commit()
            results = function.compute(rows)
            if session.begin(statement("chunk_lock"), {**session.identity, **chunk.identity}) is None:
                session.rollback()
                session.refuse()
        else:
            results = function.compute(rows)
        return function.write(session.connection, chunk.keys, results)

    def _hold(self, fenced: tuple[Any, ...] | None, row: tuple[Any, ...] | None) -> None:
        """Keep the chunk that was claimed ahead; where there is none, or none may be taken, the next step says why."""
        if fenced is not None and fenced[0] == RunState.RUNNING and row is not None and not self._session.lease.lost:
            self._session.heed(fenced)
            self._held = self._chunk(row)
        else:
            self._session.rollback()

    def _plan(self) -> Step:
        """Find the ends of the next chunks and put them into the ledger."""
        session, statements = self._session, self._session.statements
        row = session.begin(statement("frontier_lock"), session.identity)
        if row is None:
            session.connection.commit()
            return Step.WAIT  # another worker plans
        seq, frontier, exhausted = row[0], _bound(row[1]), row[2]
        upper = self._upper()
        if exhausted or upper is None:
            session.connection.commit()
            return self._left()
        rest = Range(frontier, upper)
        size, window = (session.batch_size, WINDOW) if self._sizer is None else (self._sizer.size, FOLLOWING)
        parameters = {**bound_parameters(rest), "size": size, "window": window}
        session.execute("by_index")
        ahead = statements.strides(rest) if statements.dense else statements.bounds(rest)
        found = session.connection.execute(ahead, parameters).fetchall()
        ends = [tuple(bound) for bound in found]
        last = len(ends) < window
        planned = consecutive(frontier, ends, upper, last=last)
        self._sizes.update(dict.fromkeys(range(seq + 1, seq + 1 + len(ends)), size) if self._sizer else {})
        with session.connection.pipeline():
            chunks = [{"seq": number, "lo": keys.lo, "hi": keys.hi} for number, keys in enumerate(planned, seq + 1)]
            session.execute("chunk_plan", chunks=json.dumps(chunks, ensure_ascii=False))
            end = planned[-1].hi if planned else frontier
            session.execute("frontier_move", seq=seq + len(planned), bound=_array(end), exhausted=last)
            session.connection.commit()
        return Step.PLANNED if planned else self._left()

    def _upper(self) -> Bound | None:
        row = self._session.execute("backfill_upper").fetchone()
        return _bound(row[0]) if row else None

    def more(self) -> bool:
        """Whether anything is left to take or to plan, so that a pause before it makes sense."""
        row = self._session.execute("chunk_more", kind=self._kind).fetchone()
        self._session.connection.commit()
        return bool(row and row[0])

    def _left(self) -> Step:
        """Say whether other workers still hold chunks that they may fail to finish."""
        row = self._session.execute("chunk_open", kind=self._kind).fetchone()
        self._session.connection.commit()
        return Step.WAIT if row and row[0] else Step.DONE

    def _recover(self, chunk: Chunk | None, error: psycopg.Error) -> None:
        place = chunk.place if chunk else None
        if self._recovery.decide((self._kind, place), error) is Next.AGAIN:
            return
        try:
            self._reduce(chunk, error)
        except psycopg.Error as second:
            if self._recovery.decide((self._kind, place, "split"), second) is Next.LESS:
                self._recovery.fail(words_of(second), "Splitting a chunk failed.", second)

    def _reduce(self, chunk: Chunk | None, error: psycopg.Error) -> None:
        """Split the chunk that failed, or park its only row."""
        session, words = self._session, words_of(error)
        if chunk is None:
            self._recovery.fail(words, "Planning a chunk failed.", error)
            return
        again = {**session.identity, **chunk.identity}
        if session.begin(statement("chunk_lock"), again) is None:
            session.rollback()
            return  # another worker has it now
        keys = session.connection.execute(
            session.statements.count_keys(chunk.keys), bound_parameters(chunk.keys)
        ).fetchone()
        count = keys[0] if keys else 0
        if count > 1:
            lower, upper = chunk.place.halves()
            middle = self._key_at(chunk.keys, half(count))
            session.execute("chunk_shrink", **chunk.identity, lower=lower.part, middle=_array(middle))
            parameters = {"upper": upper.part, "middle": _array(middle), "hi": _array(chunk.keys.hi)}
            session.execute("chunk_split", **chunk.identity, **parameters)
            session.connection.commit()
        elif classify(sqlstate_of(error)) is Failure.BAD_ROW:
            key = self._key_at(chunk.keys, 1)
            session.execute("chunk_park", **chunk.identity, error=words)
            session.execute("parked_add", key=_array(key), sqlstate=error.sqlstate, reason=words)
            session.execute("backfill_lock")
            session.execute("advance", rows=0, parked=1)
            session.connection.commit()
            session.around.listener.parked(key, words)
            self._recovery.check_parked()
        else:
            session.execute("chunk_give_up", **chunk.identity, error=words)
            session.connection.commit()
            where = ", ".join(chunk.keys.hi or ())
            self._recovery.fail(f"the row with key {where}: {words}", "Find what holds or delays this row.", error)

    def _key_at(self, keys: Range, position: int) -> Bound:
        """Return the key at a position, from 1, of a range."""
        parameters = {**bound_parameters(keys), "size": position, "window": 1}
        row = self._session.connection.execute(self._session.statements.bounds(keys), parameters).fetchone()
        return tuple(row) if row else keys.hi or ()


def _bound(values: list[str] | None) -> Bound | None:
    return None if values is None else tuple(values)


def _array(bound: Bound | None) -> list[str] | None:
    return None if bound is None else list(bound)

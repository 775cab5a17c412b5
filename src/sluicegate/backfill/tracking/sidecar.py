"""Work off the pending keys of a sidecar table: claim some, write their rows and their state in one transaction."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import psycopg

from sluicegate.backfill.chunks import Bound, Range, Span, half
from sluicegate.backfill.progress import ChunkRecord
from sluicegate.backfill.recovery import Next, Recovery
from sluicegate.backfill.retry import Failure, classify
from sluicegate.backfill.statements import bound_parameters, key_parameters
from sluicegate.backfill.tracking.watermark import Step
from sluicegate.pg.errors import sqlstate_of, words_of

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from psycopg import sql

    from sluicegate.backfill.session import WorkerSession
    from sluicegate.backfill.statements import KeyColumn

Keys = tuple[tuple[str, ...], ...]
"""Claimed keys: one tuple of texts for each key column, all of the same length."""

ORDERED_ALIKE = frozenset(
    {"smallint", "integer", "bigint", "uuid", "date", "timestamp without time zone", "timestamp with time zone"}
)
"""Types that every table orders alike. Of a text, the sidecar's collation may be another one than the base table's."""


def span_of(keys: Keys, columns: Sequence[KeyColumn]) -> Span | None:
    """Return where claimed keys lie, given in their order; None where the two tables may order them differently.

    A range finds the rows by the index on both sides. The keys alone, as an array, are joined with the whole table
    where the planner has no statistics, once for each chunk.
    """
    if not all(column.type in ORDERED_ALIKE for column in columns):
        return None
    return Span(tuple(column[0] for column in keys), tuple(column[-1] for column in keys))


def span_parameters(keys: Keys, span: Span | None) -> dict[str, Any]:
    """Return the parameters for claimed keys and for their span."""
    if span is None:
        return dict(key_parameters(keys))
    # No value of these types holds a quote or a backslash; the driver would look into each of thousands.
    literals = {f"key_{number}": '{"' + '","'.join(column) + '"}' for number, column in enumerate(keys)}
    return {**literals, **bound_parameters(span)}


class PendingKeys:
    """The pending keys of a sidecar, in sets as large as a chunk, or smaller after one failed."""

    def __init__(self, session: WorkerSession, recovery: Recovery) -> None:
        """Prepare."""
        self._session, self._recovery = session, recovery
        self._smaller: list[Keys] = []
        self._after: Bound | None = None  # the last key that was taken: those before it were looked at already
        self._texts: dict[str, bytes] = {}
        self.share = 1.0
        """How much of a whole chunk the last step dealt with, so that a small piece is followed by a small pause."""

    def step(self) -> Step:
        """Deal with one set of keys, or say that there is none to take.

        Raises:
            LeaseLostError, LeaveError, BackfillFailedError, ServerError: as the session and the recovery do.
        """
        session = self._session
        again = self._smaller.pop() if self._smaller else None
        keys: Keys = again or ()
        self.share = min(1.0, len(again[0]) / session.batch_size) if again else 1.0
        try:
            keys = self._take(again)
            if not keys:
                session.connection.commit()
                if again is None and self._after is not None:
                    self._after = None  # what was put back lies before it
                    return Step.PLANNED
                return Step.WORKED if again is not None else self._left()
            rows, record = self._write(keys)
        except psycopg.Error as error:
            self._recover(keys, error)
            return Step.WORKED
        self._recovery.wrote(rows)
        session.around.listener.chunk(rows, record.keys)
        session.around.record(record)
        return Step.WORKED

    def _take(self, again: Keys | None) -> Keys:
        session, after = self._session, self._after
        if again is None:
            query = session.statements.sidecar_claim(after)
            parameters = {"size": session.batch_size, **bound_parameters(Range(after, None))}
            row = session.begin(query, parameters, by_index=True)
        else:
            row = session.begin(session.statements.sidecar_claim_again(), key_parameters(again))
        keys = tuple(map(tuple, row)) if row and row[0] else ()
        if again is None and keys:
            self._after = tuple(column[-1] for column in keys)
        return keys

    def _write(self, keys: Keys) -> tuple[int, ChunkRecord]:
        session, span = self._session, span_of(keys, self._session.statements.key)
        parameters = span_parameters(keys, span)
        hashes = self._hashes(parameters)
        apply = self._text("apply", session.statements.apply_claimed, span)
        rows = max(session.connection.execute(apply, parameters).rowcount, 0)
        with session.connection.pipeline():
            done = self._text("done", session.statements.sidecar_done, span)
            session.connection.execute(done, {**parameters, "hashes": hashes})
            session.execute("backfill_lock")
            recorded = session.execute("chunk_keys_done", rows=rows)
            session.execute("advance", rows=rows, parked=0)
            session.connection.commit()
        seq, seconds, wal = recorded.fetchone() or (0, None, None)
        upto = tuple(column[-1] for column in keys)
        return rows, ChunkRecord("keys", seq, upto, rows, seconds, wal, session.owner)

    def _text(self, name: str, compose: Callable[[Span | None], sql.Composed], span: Span | None) -> bytes:
        """Return a statement's text, which is the same for every set of keys: composing parses the author's SQL."""
        if name not in self._texts:
            self._texts[name] = compose(span).as_bytes(self._session.connection)
        return self._texts[name]

    def _hashes(self, parameters: Mapping[str, Any]) -> list[str] | None:
        query = self._session.statements.sidecar_hashes()
        row = None if query is None else self._session.connection.execute(query, parameters).fetchone()
        return row[0] if row else None

    def more(self) -> bool:
        """Whether any key is left to take, so that a pause before it makes sense."""
        return self._left() is Step.WAIT

    def _left(self) -> Step:
        row = self._session.connection.execute(self._session.statements.sidecar_pending()).fetchone()
        self._session.connection.commit()
        return Step.WAIT if row and row[0] else Step.DONE

    def _recover(self, keys: Keys, error: psycopg.Error) -> None:
        if self._recovery.decide(keys, error) is Next.AGAIN:
            if keys:
                self._smaller.append(keys)
            return
        if not keys:
            self._recovery.fail(words_of(error), "Claiming keys failed.", error)
        count = len(keys[0])
        if count > 1:
            middle = half(count)
            self._smaller += [tuple(column[middle:] for column in keys), tuple(column[:middle] for column in keys)]
        elif classify(sqlstate_of(error)) is Failure.BAD_ROW:
            try:
                self._park(keys, error)
            except psycopg.Error as second:
                if self._recovery.decide((keys, "park"), second) is Next.LESS:
                    self._recovery.fail(words_of(second), "Parking a row failed.", second)
                self._smaller.append(keys)
        else:
            where = ", ".join(column[0] for column in keys)
            self._recovery.fail(
                f"the row with key {where}: {words_of(error)}", "Find what holds or delays this row.", error
            )

    def _park(self, keys: Keys, error: psycopg.Error) -> None:
        session, words = self._session, words_of(error)
        if not self._take(keys):
            session.rollback()
            return  # another worker has it now
        key = [column[0] for column in keys]
        parameters: dict[str, Any] = {**key_parameters(keys), "reason": words}
        session.connection.execute(session.statements.sidecar_failed(), parameters)
        session.execute("parked_add", key=key, sqlstate=error.sqlstate, reason=words)
        session.execute("backfill_lock")
        session.execute("advance", rows=0, parked=1)
        session.connection.commit()
        session.around.listener.parked(tuple(key), words)
        self._recovery.check_parked()

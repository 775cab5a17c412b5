"""Ask a server for every signal of the throttle; what it does not answer is a reading too."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any

import psycopg
from postgast import pg_query_pb2 as pg
from psycopg import sql
from psycopg.rows import namedtuple_row, tuple_row

from sluicegate.backfill.throttle import readings
from sluicegate.backfill.throttle.decision import ReplayClock
from sluicegate.backfill.throttle.model import Reading, Signal
from sluicegate.backfill.touched import Verb, touched_tables
from sluicegate.errors import ParseError, UsageError
from sluicegate.pg.errors import words_of
from sluicegate.statements.nodes import unwrap
from sluicegate.statements.parse import parse_statement
from sluicegate.store.queries import statement

if TYPE_CHECKING:
    from collections.abc import Callable

    from sluicegate.backfill.definition import Backfill
    from sluicegate.settings.throttle import Limits
    from sluicegate.store.runs import Connection


_OTHERS = {Signal.REPLICAS, Signal.XMIN, Signal.WAITERS, Signal.WRAPAROUND}
"""Signals that read what other roles do."""


class ThrottleError(UsageError):
    """The throttle cannot ask what it must know before a backfill may start."""

    def __init__(self, message: str, *, hint: str | None = None, signals: tuple[Signal, ...] = ()) -> None:
        """Build it with the signals that cannot be told."""
        self.signals = signals
        super().__init__(message, hint=hint)


def workers_of(name: str) -> str:
    """Return the application_name of a backfill's workers."""
    return f"sluicegate backfill {name}"


@dataclass(slots=True)
class Questions:
    """The signals of one backfill, and the SQL that asks for each.

    Attributes:
        name: the backfill.
        definition: what says which tables it writes.
        limits: the limits in force.
        asked: the SQL of the last round by signal, with its values, when ``keep_sql`` is set.
        keep_sql: whether to remember it.
    """

    name: str
    definition: Backfill
    limits: Limits
    keep_sql: bool = False
    asked: dict[Signal, list[str]] = field(default_factory=dict)
    _replay: ReplayClock = field(default_factory=ReplayClock)
    _role: str = "this role"
    _changed: list[str] = field(default_factory=list)
    _written: list[str] = field(default_factory=list)

    def __post_init__(self) -> None:
        """Read the definition, and refuse a query that is no single SELECT.

        Raises:
            ThrottleError: it is not.
        """
        for one in touched_tables(self.definition):
            shown = sql.Identifier(*one.parts).as_string(None)
            self._written += [shown] if one.writes else []
            self._changed += [shown] if one.writes - {Verb.INSERT} else []
        if self.limits.query is None or Signal.QUERY in self.limits.off:
            return
        try:
            node = unwrap(parse_statement(self.limits.query).node)
        except ParseError as error:
            raise ThrottleError(f"[backfill.throttle] query cannot be parsed: {error.message}") from error
        if not isinstance(node, pg.SelectStmt) or node.HasField("into_clause"):
            raise ThrottleError("[backfill.throttle] query is no SELECT.", hint="Write one SELECT of one value.")

    @property
    def signals(self) -> tuple[Signal, ...]:
        """What is asked: everything that is not switched off."""
        wanted = [one for one in Signal if one is not Signal.SERVER and one not in self.limits.off]
        return tuple(one for one in wanted if one is not Signal.QUERY or self.limits.query is not None)

    def require_privileges(self, connection: Connection) -> None:
        """Refuse a role that may not see what it must judge.

        Raises:
            ThrottleError: with the GRANT that cures it.
        """
        row = self._rows(connection, None, "health_privileges")[0]
        self._role = row.role
        unseen = [] if row.may_read_others else [one for one in self.signals if one in _OTHERS]
        if Signal.ARCHIVE in self.signals and not row.may_read_archive:
            [state] = self._rows(connection, None, "health_archive")
            unseen += [Signal.ARCHIVE] if state.used else []
        if unseen:
            names = ", ".join(unseen)
            listed = ", ".join(f'"{one}"' for one in unseen)
            raise ThrottleError(
                f"{row.role} may not see what other roles do, so these signals of the throttle are unknown: {names}.",
                hint=f"GRANT pg_monitor TO {row.role}; or do without them: [backfill.throttle] off = [{listed}] in the "
                "policy, or --throttle-off for each.",
                signals=tuple(unseen),
            )

    def ask(self, connection: Connection, now: float) -> list[Reading]:
        """Ask for every signal, each in a transaction of its own; an error is the reading of its signal only.

        Args:
            connection: in autocommit.
            now: seconds of a clock that only grows.

        Raises:
            psycopg.Error: the connection broke.
        """
        self.asked.clear()
        return [self._reading(connection, signal, now) for signal in self.signals]

    def _reading(self, connection: Connection, signal: Signal, now: float) -> Reading:
        try:
            return self._askers()[signal](connection, now)
        except psycopg.Error as error:
            if connection.closed:
                raise
            cure = f"GRANT pg_monitor TO {self._role}." if error.sqlstate == "42501" else None
            return Reading(signal, error=f"{words_of(error).rstrip('.')} (SQLSTATE {error.sqlstate}).", cure=cure)

    def _askers(self) -> dict[Signal, Callable[[Connection, float], Reading]]:
        return {
            Signal.REPLICAS: self._replicas,
            Signal.XMIN: lambda c, _: readings.xmin(self._rows(c, Signal.XMIN, "health_xmin"), self.limits),
            Signal.WAITERS: self._waiters,
            Signal.DEAD_TUPLES: self._dead_tuples,
            Signal.WRAPAROUND: self._wraparound,
            Signal.ARCHIVE: self._archive,
            Signal.SLOTS: lambda c, _: readings.slots(self._rows(c, Signal.SLOTS, "health_slots"), self.limits),
            Signal.QUERY: self._query,
        }

    def _replicas(self, connection: Connection, now: float) -> Reading:
        rows = self._rows(connection, Signal.REPLICAS, "health_replicas")
        reading = readings.replicas(rows, self.limits, self._replay, now)
        return replace(reading, cure=f"GRANT pg_monitor TO {self._role}, unless the replica is just connecting.")

    def _waiters(self, connection: Connection, _now: float) -> Reading:
        rows = self._rows(connection, Signal.WAITERS, "health_waiters", workers=workers_of(self.name))
        return readings.waiters(rows, self.limits)

    def _dead_tuples(self, connection: Connection, _now: float) -> Reading:
        targets = self._targets(connection, Signal.DEAD_TUPLES, self._changed)
        rows = self._rows(connection, Signal.DEAD_TUPLES, "health_dead_tuples", targets=targets) if targets else []
        return readings.dead_tuples(rows, self.limits)

    def _wraparound(self, connection: Connection, _now: float) -> Reading:
        targets = self._targets(connection, Signal.WRAPAROUND, self._written)
        rows = self._rows(connection, Signal.WRAPAROUND, "health_wraparound", targets=targets) if targets else []
        return readings.wraparound(rows, self.limits)

    def _archive(self, connection: Connection, _now: float) -> Reading:
        [state] = self._rows(connection, Signal.ARCHIVE, "health_archive")
        files = self._rows(connection, Signal.ARCHIVE, "health_archive_files")[0].files if state.used else None
        return readings.archive(state, files, self.limits)

    def _query(self, connection: Connection, _now: float) -> Reading:
        text = (self.limits.query or "").strip().rstrip(";")
        if self.keep_sql:
            self.asked.setdefault(Signal.QUERY, []).append(text)
        with connection.transaction(), connection.cursor(row_factory=tuple_row) as cursor:
            connection.execute("SET TRANSACTION READ ONLY")
            return readings.query(cursor.execute(text.encode()).fetchmany(2), self.limits)

    def _targets(self, connection: Connection, signal: Signal, names: list[str]) -> list[int]:
        """Return the tables of these names with their partitions, anew each time, since DDL goes on."""
        return [row.oid for row in self._rows(connection, signal, "health_targets", names=names)] if names else []

    def _rows(self, connection: Connection, signal: Signal | None, query: str, **parameters: Any) -> list[Any]:
        text = statement(query)
        if self.keep_sql and signal is not None:
            shown = psycopg.ClientCursor(connection).mogrify(text, parameters)
            self.asked.setdefault(signal, []).append(shown)
        with connection.cursor(row_factory=namedtuple_row) as cursor:
            return cursor.execute(text, parameters).fetchall()

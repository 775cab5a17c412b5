"""A backfill's row in the state schema, as a value, and the statements that change it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from psycopg.rows import class_row

from sluicegate.store.queries import statement

if TYPE_CHECKING:
    import datetime
    from collections.abc import Sequence

    import psycopg
    from psycopg.rows import TupleRow

    Connection = psycopg.Connection[TupleRow]


@dataclass(frozen=True, slots=True)
class RunRow:
    """What the database knows about a backfill.

    Attributes:
        state: a value of ``sluicegate.backfill.states.RunState``.
        fingerprint: the hash of the definition that its chunks were written by.
        key_types: each key column with its type, ``id bigint``.
        upper_bound: the highest key of the present run.
        mark: the highest key below which every chunk is finished.
        epoch: the last fencing number handed out.
        workers: how many workers may work at a time, on all hosts together; None when nobody said.
        rows_owed: rows owed work at the last count; ``rows_done`` of them had it.
        written_at_count: what ``rows_written`` was at that count.
    """

    name: str
    number: str
    revision: str
    state: str
    fingerprint: str
    key_types: list[str]
    upper_bound: list[str] | None
    mark: list[str] | None
    batch_size: int
    sleep: float
    workers: int | None
    epoch: int
    rows_written: int
    rows_parked: int
    rows_owed: int | None
    rows_done: int | None
    written_at_count: int | None
    error: str | None
    started_at: datetime.datetime | None
    finished_at: datetime.datetime | None
    verified_at: datetime.datetime | None


@dataclass(frozen=True, slots=True)
class ParkedRow:
    """A row that could not be written, and why."""

    key: list[str]
    sqlstate: str | None
    reason: str
    attempts: int
    parked_at: datetime.datetime


@dataclass(frozen=True, slots=True)
class LeaseRow:
    """A worker's lease; ``silent`` when it has run out, ``held_reason`` while the throttle holds it."""

    epoch: int
    owner: str
    acquired_at: datetime.datetime
    renewed_at: datetime.datetime
    expires_at: datetime.datetime
    silent: bool
    held_since: datetime.datetime | None = None
    held_reason: str | None = None


@dataclass(frozen=True, slots=True)
class EventRow:
    """Who did what to a backfill, and when."""

    at: datetime.datetime
    actor: str
    event: str
    detail: str


def get(connection: Connection, name: str) -> RunRow | None:
    """Return one backfill's row, None when it never ran here."""
    with connection.cursor(row_factory=class_row(RunRow)) as cursor:
        return cursor.execute(statement("backfill_get"), {"name": name}).fetchone()


def get_all(connection: Connection) -> list[RunRow]:
    """Return every backfill's row, by name."""
    with connection.cursor(row_factory=class_row(RunRow)) as cursor:
        return cursor.execute(statement("backfill_all")).fetchall()


def lock(connection: Connection, name: str) -> RunRow:
    """Hold the backfill's row until the transaction ends, and return it as it is then."""
    connection.execute(statement("backfill_lock"), {"name": name})
    row = get(connection, name)
    if row is None:
        raise LookupError(f"backfill {name} has no row")
    return row


def move(connection: Connection, name: str, target: str, sources: Sequence[str], error: str | None = None) -> bool:
    """Change the state when it is one of ``sources``; tell whether it was."""
    parameters = {"name": name, "target": target, "sources": list(sources), "error": error}
    return connection.execute(statement("backfill_move"), parameters).rowcount == 1


def execute(connection: Connection, query: str, **parameters: Any) -> int:
    """Run one of the named statements; return how many rows it touched."""
    return connection.execute(statement(query), parameters).rowcount


def audit(connection: Connection, name: str, actor: str, event: str, detail: str = "") -> None:
    """Record who did what."""
    execute(connection, "audit_add", name=name, actor=actor, event=event, detail=detail)


def events(connection: Connection, name: str, limit: int) -> list[EventRow]:
    """Return the last events of a backfill, oldest first."""
    with connection.cursor(row_factory=class_row(EventRow)) as cursor:
        return cursor.execute(statement("audit_list"), {"name": name, "limit": limit}).fetchall()


def latest_event(connection: Connection, name: str, event: str) -> EventRow | None:
    """Return the last event of a kind, None when there was none."""
    with connection.cursor(row_factory=class_row(EventRow)) as cursor:
        return cursor.execute(statement("audit_latest"), {"name": name, "event": event}).fetchone()


def parked(connection: Connection, name: str, limit: int) -> list[ParkedRow]:
    """Return the first parked rows of a backfill, by key."""
    with connection.cursor(row_factory=class_row(ParkedRow)) as cursor:
        return cursor.execute(statement("parked_list"), {"name": name, "limit": limit}).fetchall()


def leases(connection: Connection, name: str, *, besides: int = 0) -> list[LeaseRow]:
    """Return the workers of a backfill, living or silent, besides one epoch."""
    with connection.cursor(row_factory=class_row(LeaseRow)) as cursor:
        return cursor.execute(statement("lease_others"), {"name": name, "epoch": besides}).fetchall()


def frontier(connection: Connection, name: str) -> tuple[str, ...] | None:
    """Return the key up to which chunks were planned; None before the first one."""
    row = connection.execute(statement("frontier_get"), {"name": name}).fetchone()
    return tuple(row[0]) if row and row[0] is not None else None

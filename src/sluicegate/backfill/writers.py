"""Who is writing to a table just now: their rows cannot be seen yet, so they are waited for or remembered.

``CREATE INDEX CONCURRENTLY`` waits for the same reason in the same way: a transaction that holds a writer's lock on the
table may commit rows below any bound that was read meanwhile. A transaction that only drew a number from the key's
sequence is seen too. Not seen: a number drawn in an earlier transaction or kept in a session's sequence cache, and keys
that the application chooses. Those are what the proof, and the window of ``tick``, are for.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from psycopg.rows import class_row

from sluicegate.errors import CouldNotJudgeError, UsageError
from sluicegate.store.queries import statement

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from sluicegate.backfill.definition import Backfill
    from sluicegate.store.runs import Connection

_LOOK_EVERY = 0.1  # seconds between two looks at who still writes
_QUERY_SHOWN = 80


class WritersError(CouldNotJudgeError):
    """Transactions that wrote to the table have not ended, so what they wrote cannot be seen."""


class TriggerError(UsageError):
    """The trigger that a backfill counts on is not there, or does not fire."""


@dataclass(frozen=True, slots=True)
class Writer:
    """A transaction in flight.

    Attributes:
        id: its virtual transaction id; that of a prepared transaction changes when the server restarts.
        pid: its process; None for a prepared transaction.
        gid: the name under which it was prepared.
        seconds: how long it has been open; None where this role may not know.
        older: whether it may be older than the trigger.
    """

    id: str
    pid: int | None
    gid: str | None
    role: str | None
    application: str | None
    state: str | None
    query: str | None
    seconds: float | None
    older: bool

    def __str__(self) -> str:
        who = f"prepared transaction {self.gid}" if self.pid is None else f"pid {self.pid}"
        parts = [part for part in (self.role, self.application) if part]
        if self.seconds is not None:
            parts.append(f"open for {self.seconds:,.0f} s")
        if self.state and self.state != "active":
            parts.append(self.state)
        shown = f"{who} ({', '.join(parts)})" if parts else who
        if not self.query:
            return shown
        query = " ".join(self.query.split())
        return f"{shown}: {query if len(query) <= _QUERY_SHOWN else query[: _QUERY_SHOWN - 1] + '…'}"


def present(connection: Connection, definition: Backfill) -> tuple[Writer, ...]:
    """Return who is writing to the table, or drew a number for it; of a table with a trigger, only who may be older.

    A transaction that began to write after the trigger was created has fired it, and owes nothing.

    Raises:
        TriggerError: the definition names a trigger that is not there or does not fire.
    """
    schema, name = definition.relation
    row = connection.execute(statement("table_oid"), {"schema": schema, "name": name}).fetchone()
    oid = row[0] if row else 0
    since = None if definition.trigger is None else _created(connection, definition, oid)
    with connection.cursor(row_factory=class_row(Writer)) as cursor:
        found = cursor.execute(statement("writers"), {"oid": oid, "since": since}).fetchall()
    connection.commit()
    return tuple(writer for writer in found if writer.older)


def _created(connection: Connection, definition: Backfill, oid: int) -> str:
    """Return the transaction that created the definition's trigger."""
    parameters = {"oid": oid, "trigger": definition.trigger}
    found = connection.execute(statement("sync_trigger"), parameters).fetchone()
    enabled, on_insert, created = found or (None, False, "")
    what = None
    if found is None:
        what = "is not there"
    elif enabled not in ("O", "A"):
        what = "is disabled" if enabled == "D" else "fires for replicated changes only"
    elif not on_insert:
        what = "does not fire for INSERT"
    if what is not None:
        raise TriggerError(
            f"Trigger {definition.trigger} on {definition.table} {what}, so rows that arrive are not taken care of.",
            hint="Run the expand revision that creates it, or ALTER TABLE … ENABLE TRIGGER; or take trigger= out of "
            "the definition.",
        )
    return str(created)


def wait(
    connection: Connection,
    definition: Backfill,
    seconds: float,
    pause: Callable[[float], None],
    note: Callable[[str], None],
) -> tuple[Writer, ...]:
    """Wait until everybody has ended who is writing now; newcomers are not waited for and hold nobody up.

    Args:
        connection: a session that does not commit by itself.
        definition: the backfill.
        seconds: how long to wait; 0 only looks.
        pause: waits some seconds.
        note: told once whom it waits for.

    Returns:
        Those who have not ended in time.
    """
    left = first = present(connection, definition)
    ids = {writer.id for writer in first}
    waited = 0.0
    if left and seconds > 0:
        note(f"waiting for transactions that write to {definition.table}: {listed(left)}")
    while left and waited < seconds:
        step = min(_LOOK_EVERY, seconds - waited)
        pause(step)
        waited += step
        # A prepared transaction has another name after a restart of the server.
        left = tuple(writer for writer in present(connection, definition) if writer.id in ids or writer.pid is None)
    return left


def settled(
    connection: Connection,
    definition: Backfill,
    seconds: float,
    pause: Callable[[float], None],
    note: Callable[[str], None],
) -> bool:
    """Wait as ``wait`` does; tell whether all of them have ended, and who has not where they were waited for."""
    left = wait(connection, definition, seconds, pause, note)
    if left and seconds:
        note(f"still writing to {definition.table}: {listed(left)}. What they commit is found by verify.")
    return not left


def listed(writers: Sequence[Writer]) -> str:
    """Return the first few in words."""
    shown = "; ".join(map(str, writers[:3]))
    return shown if len(writers) <= 3 else f"{shown}; and {len(writers) - 3} more"


def unsettled(definition: Backfill, writers: Sequence[Writer]) -> WritersError:
    """Build the error for a proof that cannot be made while these are writing."""
    first = writers[0]
    end = "COMMIT PREPARED or ROLLBACK PREPARED" if first.pid is None else f"SELECT pg_terminate_backend({first.pid})"
    return WritersError(
        f"What these transactions have written to {definition.table} cannot be seen before they end, so nothing is "
        f"proved: {listed(writers)}.",
        hint=f"Wait for them, or end them ({end}), then verify again; --wait-for-writers says how long to wait.",
    )

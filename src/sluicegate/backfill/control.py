"""Move a backfill from state to state, or change a running one: the one place that does, by ``states``."""

from __future__ import annotations

import getpass
import os
import socket
from dataclasses import dataclass
from typing import TYPE_CHECKING

from sluicegate.backfill.definition import HighWatermark
from sluicegate.backfill.session import Told
from sluicegate.backfill.states import REACHED, RunState, StateError, Verb, answer, before, check
from sluicegate.store import runs
from sluicegate.store.queries import statement

if TYPE_CHECKING:
    from sluicegate.backfill.definition import LoadedBackfill
    from sluicegate.backfill.statements import Statements
    from sluicegate.store.runs import Connection, LeaseRow, RunRow


@dataclass(frozen=True, slots=True)
class Tuned:
    """What ``tune`` changed.

    Attributes:
        before: the settings that were in force.
        now: the settings that are.
        replanned: chunks that were planned and that nobody had begun; they are planned anew in the new size.
    """

    before: Told
    now: Told
    replanned: int


def person() -> str:
    """Return how whoever types a command is named in the audit: ``user@host``."""
    try:
        user = getpass.getuser()
    except (KeyError, OSError):  # a container's user without a name
        user = str(os.getuid())
    return f"{user}@{socket.gethostname()}"


def move(
    connection: Connection, name: str, target: RunState, *, actor: str, error: str | None = None, detail: str = ""
) -> None:
    """Change a backfill's state and record who did it; the caller's transaction decides when it holds.

    Raises:
        StateError: the table of transitions does not allow it from the present state.
    """
    if not runs.move(connection, name, target, before(target), error):
        row = runs.get(connection, name)
        check(name, RunState(row.state) if row else RunState.PLANNED, target)
        raise AssertionError(f"{name}: the transition to {target} is allowed, but was not made")
    runs.audit(connection, name, actor, target, detail or (error or ""))


def try_move(connection: Connection, name: str, target: RunState, *, actor: str, error: str | None = None) -> bool:
    """Change the state if that is allowed from the present one; tell whether it was."""
    if not runs.move(connection, name, target, before(target), error):
        return False
    runs.audit(connection, name, actor, target, error or "")
    return True


def ask(connection: Connection, name: str, verb: Verb, *, actor: str) -> RunState:
    """Pause, resume or cancel a backfill; return the state that it is in then.

    Workers see it before their next chunk, and within a second while they wait. Where none is left, the end is reached
    at once.

    Raises:
        StateError: the backfill is not in a state in which this can be asked.
    """
    with connection.transaction():
        row = _held(connection, name, verb)
        target = answer(name, verb, RunState(row.state))
        if target != row.state:
            move(connection, name, target, actor=actor)
    return settle(connection, name, actor=actor)


def settle(connection: Connection, name: str, *, actor: str) -> RunState:
    """Return the state, after saying that a pause or cancellation is reached where no worker is left to say so."""
    with connection.transaction():
        row = runs.lock(connection, name)
        state = RunState(row.state)
        if state not in (RunState.PAUSING, RunState.CANCELLING):
            return state
        taken = connection.execute(statement("lease_take_over"), {"name": name, "epoch": 0}).fetchall()
        for epoch, owner, expired in taken:
            detail = f"worker {owner} (epoch {epoch}) was silent; its lease ended at {expired:%Y-%m-%d %H:%M:%S%z}"
            runs.audit(connection, name, actor, "lease taken over", detail)
        if runs.leases(connection, name):
            return state
        move(connection, name, REACHED[state], actor=actor, detail="no worker was left")
        return REACHED[state]


def workers(connection: Connection, name: str) -> list[LeaseRow]:
    """Return the workers that have not left yet."""
    with connection.transaction():
        return runs.leases(connection, name)


def stop_statements(connection: Connection, name: str) -> int:
    """Cancel the statements that workers of a backfill have in hand, which rolls their chunks back; return how many.

    Only those of roles that the present one belongs to are reached (PostgreSQL 18 manual, 9.28.2).
    """
    with connection.transaction():
        return len(connection.execute(statement("chunk_cancel"), {"name": name}).fetchall())


def tune(
    connection: Connection,
    name: str,
    *,
    actor: str,
    batch_size: int | None = None,
    sleep: float | None = None,
    workers: int | None = None,
) -> Tuned:
    """Change the settings of a run that is going on; what is left out stays as it is.

    Raises:
        StateError: the backfill is not running.
    """
    with connection.transaction():
        row = _held(connection, name, Verb.TUNE)
        answer(name, Verb.TUNE, RunState(row.state))
        before_ = Told(row.batch_size, row.sleep, row.workers)
        now = Told(
            row.batch_size if batch_size is None else batch_size,
            row.sleep if sleep is None else sleep,
            row.workers if workers is None else workers,
        )
        runs.execute(
            connection,
            "backfill_pace",
            name=name,
            batch_size=now.batch_size,
            sleep=now.sleep,
            workers=now.workers,
        )
        replanned = _plan_anew(connection, name) if now.batch_size != before_.batch_size else 0
        runs.audit(connection, name, actor, "tuned", f"{before_} → {now}")
    return Tuned(before_, now, replanned)


def _plan_anew(connection: Connection, name: str) -> int:
    """Forget planned chunks that nobody has begun, so that the new size holds from the next chunk on."""
    connection.execute(statement("frontier_wait"), {"name": name})
    row = connection.execute(statement("chunk_unplan"), {"name": name}).fetchone()
    if row is None:
        return 0
    bound, seq, chunks = row
    runs.execute(connection, "frontier_move", name=name, seq=seq, bound=bound, exhausted=False)
    return int(chunks)


def retry_parked(connection: Connection, loaded: LoadedBackfill, statements: Statements, *, actor: str) -> int:
    """Have parked rows tried again, by the workers of a run that goes on or by the next run; return how many.

    Raises:
        StateError: the backfill is not in a state in which rows are parked.
    """
    name = loaded.name
    with connection.transaction():
        row = _held(connection, name, Verb.RETRY_PARKED)
        target = answer(name, Verb.RETRY_PARKED, RunState(row.state))
        count = row.rows_parked
        if not count:
            return 0
        runs.execute(connection, "chunk_unpark", name=name)
        if not isinstance(loaded.definition.tracking, HighWatermark):
            connection.execute(statements.sidecar_reopen())
        runs.execute(connection, "parked_clear", name=name)
        runs.execute(connection, "backfill_unpark", name=name)
        runs.audit(connection, name, actor, "parked rows put back", f"{count} rows")
        if target != row.state:
            move(connection, name, target, actor=actor, detail="parked rows wait to be tried again")
    return count


def _held(connection: Connection, name: str, verb: Verb) -> RunRow:
    """Lock the backfill's row and return it.

    Raises:
        StateError: the backfill has never run here.
    """
    if runs.get(connection, name) is None:
        raise StateError(
            f"Backfill {name} has never run in this database; {verb} does nothing there.",
            hint=f"Start it with: sluicegate backfill run {name}",
        )
    return runs.lock(connection, name)

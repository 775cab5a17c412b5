"""Move a backfill from state to state: the one place that changes a state, by the table in ``states``."""

from __future__ import annotations

from typing import TYPE_CHECKING

from sluicegate.backfill.states import RunState, before, check
from sluicegate.store import runs

if TYPE_CHECKING:
    from sluicegate.store.runs import Connection


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

"""Put ranges in which rows are missing back to work, so that the engine takes them like any other chunk."""

from __future__ import annotations

from typing import TYPE_CHECKING

from sluicegate.backfill.chunks import Bound, Range
from sluicegate.backfill.statements import bound_parameters
from sluicegate.backfill.states import RunState
from sluicegate.backfill.tracking.watermark import Kind
from sluicegate.store import runs
from sluicegate.store.queries import statement
from sluicegate.verify import rows

if TYPE_CHECKING:
    from sluicegate.backfill.statements import Statements
    from sluicegate.store.runs import Connection
    from sluicegate.verify.rows import Figures

ENDED = (RunState.FINISHED, RunState.FINISHED_WITH_PARKED, RunState.VERIFIED)
"""States in which nobody works on a backfill and rows may be put back to work."""


def put_back(connection: Connection, name: str, statements: Statements, figures: Figures, size: int) -> None:
    """Put the ranges in which rows are missing back to work, no larger than a chunk is.

    Ranges in the ledger never overlap where two workers could take them at once: what lies above the plan is left to
    the next run's plan, and nothing is put back while other ranges still are.
    """
    frontier = runs.frontier(connection, name)
    connection.commit()
    found = []
    for wide in figures.incomplete:
        narrow = rows.count(connection, statements, within=wide, size=size).incomplete
        found += [clipped for keys in narrow if (clipped := _planned(connection, statements, keys, frontier))]
    with connection.transaction():
        row = runs.lock(connection, name)
        opened = connection.execute(statement("chunk_open"), {"name": name, "kind": Kind.REQUEUE}).fetchone()
        if row.state not in ENDED or (opened and any(opened)):
            return  # someone else found them too, and works on them
        for keys in found:
            lo, hi = (None if bound is None else list(bound) for bound in (keys.lo, keys.hi))
            runs.execute(connection, "chunk_requeue", name=name, lo=lo, hi=hi)


def _planned(connection: Connection, statements: Statements, keys: Range, frontier: Bound | None) -> Range | None:
    """Return the part of a range that the plan has passed; None when it lies above the plan."""

    def holds_keys(part: Range) -> bool:
        row = connection.execute(statements.has_keys(part), bound_parameters(part)).fetchone()
        connection.commit()
        return bool(row and row[0])

    if frontier is None:
        return None
    if not holds_keys(Range(frontier, keys.hi)):
        return Range(keys.lo, keys.hi if keys.hi is not None else frontier)
    below = Range(keys.lo, frontier)
    return below if holds_keys(below) else None

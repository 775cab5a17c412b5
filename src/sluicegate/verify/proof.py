"""Prove that a backfill is complete: count, have worked off again what is missing, count again, record the proof."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from sluicegate.backfill import engine, preflight
from sluicegate.backfill.chunks import Bound, Range
from sluicegate.backfill.control import try_move
from sluicegate.backfill.lease import owner_name
from sluicegate.backfill.session import open_session
from sluicegate.backfill.statements import bound_parameters
from sluicegate.backfill.states import RunState
from sluicegate.backfill.tracking.watermark import Kind
from sluicegate.pg.connect import translated
from sluicegate.store import runs, schema
from sluicegate.store.queries import statement
from sluicegate.verify import rows

if TYPE_CHECKING:
    from collections.abc import Callable

    from sluicegate.backfill.definition import LoadedBackfill
    from sluicegate.backfill.engine import Pace
    from sluicegate.backfill.session import Surroundings
    from sluicegate.backfill.statements import Statements
    from sluicegate.store.runs import Connection
    from sluicegate.verify.rows import Figures

ROUNDS = 5
"""How often missing rows are worked off again before verification gives up."""

SHOWN_KEYS = 10

_CLOSED = (RunState.PLANNED, RunState.FINISHED, RunState.FINISHED_WITH_PARKED, RunState.VERIFIED)
_REQUEUED = (RunState.FINISHED, RunState.FINISHED_WITH_PARKED, RunState.VERIFIED)


@dataclass(frozen=True, slots=True)
class Proof:
    """What verification found.

    Attributes:
        verified: whether nothing is missing and that was recorded.
        state: where the backfill stands.
        figures: the last count.
        requeued: rows that earlier counts found missing and that were worked off since.
        missing_keys: the first missing keys.
        reasons: key → why that row is parked.
    """

    verified: bool
    state: RunState
    figures: Figures
    requeued: int
    missing_keys: tuple[Bound, ...]
    reasons: dict[Bound, str]


def verify(
    loaded: LoadedBackfill,
    url: str,
    pace: Pace,
    around: Surroundings,
    *,
    requeue: bool = True,
    counted: Callable[[Figures], None] | None = None,
) -> Proof:
    """Count what is missing until nothing is, and record the proof that opens the gate.

    Args:
        loaded: the backfill.
        url: the target database.
        pace: the settings for working missing rows off.
        around: the world outside.
        requeue: whether missing rows are worked off; otherwise they are only counted.
        counted: told the sums as they grow.

    Raises:
        UsageError, BackfillFailedError, ServerError: as running the backfill does.
    """
    requeued = 0
    before: int | None = None
    for last in (*[False] * ROUNDS, True):
        connection = open_session(url, loaded.name, lease_seconds=600)
        try:
            with translated(f"verifying backfill {loaded.name}"):
                statements, state = _prepare(connection, loaded, pace)
                figures = rows.count(connection, statements, counted=counted)
                requeued += 0 if before is None else max(before - figures.missing, 0)
                if figures.missing == 0 and _record(connection, loaded.name, figures):
                    return Proof(True, RunState.VERIFIED, figures, requeued, (), {})
                _withdraw(connection, loaded.name, figures)
                stuck = before is not None and figures.missing >= before
                if not requeue or last or stuck or state not in _REQUEUED or figures.missing == 0:
                    return _incomplete(connection, loaded.name, statements, figures, requeued)
                _requeue(connection, loaded.name, statements, figures, pace)
        finally:
            connection.close()
        before = figures.missing
        around.listener.note(f"{figures.missing:,} rows are missing; they are worked off now.")
        outcome = engine.run(loaded, url, pace, around)
        if outcome.interrupted:
            break
    return Proof(False, outcome.state, figures, requeued, (), {})


def _prepare(connection: Connection, loaded: LoadedBackfill, pace: Pace) -> tuple[Statements, RunState]:
    schema.require(connection)
    # Counting a range may take longer than a chunk, and nobody waits for it.
    connection.execute("SET statement_timeout = '30min'")
    checked = preflight.inspect(connection, loaded.definition)
    runs.execute(
        connection,
        "backfill_create",
        name=loaded.name,
        number=loaded.number,
        revision=loaded.definition.revision,
        fingerprint=loaded.definition.fingerprint,
        key_types=checked.key_types,
        batch_size=pace.batch_size,
        sleep=pace.sleep,
    )
    row = runs.get(connection, loaded.name)
    connection.commit()
    return checked.statements, RunState(row.state) if row else RunState.PLANNED


def _record(connection: Connection, name: str, figures: Figures) -> bool:
    """Record the proof, unless the backfill was started again meanwhile."""
    with connection.transaction():
        row = runs.lock(connection, name)
        if row.state not in _CLOSED or not try_move(connection, name, RunState.VERIFIED, actor=owner_name()):
            return False
        runs.execute(connection, "backfill_prove", name=name, owed=figures.owed, done=figures.done)
        runs.execute(connection, "parked_clear", name=name)
        runs.execute(connection, "backfill_unpark", name=name)
    return True


def _withdraw(connection: Connection, name: str, figures: Figures) -> None:
    with connection.transaction():
        runs.execute(connection, "backfill_figures", name=name, owed=figures.owed, done=figures.done)
        if figures.missing and runs.execute(connection, "backfill_unprove", name=name):
            runs.audit(connection, name, owner_name(), "proof withdrawn", f"{figures.missing} rows are missing")
        if figures.missing and runs.lock(connection, name).state == RunState.VERIFIED:
            try_move(connection, name, RunState.FINISHED, actor=owner_name())


def _requeue(connection: Connection, name: str, statements: Statements, figures: Figures, pace: Pace) -> None:
    """Put the ranges in which rows are missing back to work, no larger than a chunk is.

    Ranges in the ledger never overlap where two workers could take them at once: what lies above the plan is left to
    the next run's plan, and nothing is put back while other ranges still are.
    """
    frontier = runs.frontier(connection, name)
    found = []
    for wide in figures.incomplete:
        narrow = rows.count(connection, statements, within=wide, size=pace.batch_size).incomplete
        found += [clipped for keys in narrow if (clipped := _planned(connection, statements, keys, frontier))]
    with connection.transaction():
        row = runs.lock(connection, name)
        opened = connection.execute(statement("chunk_open"), {"name": name, "kind": Kind.REQUEUE}).fetchone()
        if row.state not in _REQUEUED or (opened and any(opened)):
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


def _incomplete(connection: Connection, name: str, statements: Statements, figures: Figures, requeued: int) -> Proof:
    keys = tuple(rows.missing_keys(connection, statements, figures, SHOWN_KEYS))
    parked = runs.parked(connection, name, limit=1000)
    row = runs.get(connection, name)
    connection.commit()
    state = RunState(row.state) if row else RunState.PLANNED
    reasons = {tuple(one.key): one.reason for one in parked}
    return Proof(False, state, figures, requeued, keys, {key: reasons[key] for key in keys if key in reasons})

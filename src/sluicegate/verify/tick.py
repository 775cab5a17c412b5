"""Look for rows that came after the last look, at a cost that the table's size does not change, and work them off.

A tick reads the keys above its floor, and a window of keys below it. The floor is a key below which nothing can appear:
it moves up to the highest key of an earlier look once every transaction has ended that was writing during that look.
What a tick cannot see (a number kept in a session's sequence cache for long, a key of the application's own choosing
far below, a row that lost its result) is for ``verify``.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from sluicegate.backfill import engine, writers
from sluicegate.backfill.chunks import Bound, Range
from sluicegate.backfill.control import try_move
from sluicegate.backfill.definition import Sidecar
from sluicegate.backfill.lease import owner_name
from sluicegate.backfill.session import open_session
from sluicegate.backfill.states import RunState
from sluicegate.errors import UsageError
from sluicegate.pg.connect import translated
from sluicegate.pg.pooled import keep_setting
from sluicegate.store import completeness, runs
from sluicegate.verify import rows
from sluicegate.verify.proof import prepare, withdraw
from sluicegate.verify.requeue import ENDED, put_back
from sluicegate.verify.rows import Figures

if TYPE_CHECKING:
    from sluicegate.backfill.definition import LoadedBackfill
    from sluicegate.backfill.pace import Pace
    from sluicegate.backfill.session import Surroundings
    from sluicegate.backfill.statements import Statements
    from sluicegate.settings.throttle import Limits
    from sluicegate.store.completeness import Sight
    from sluicegate.store.runs import Connection, RunRow


@dataclass(frozen=True, slots=True)
class Tick:
    """What a tick found and did.

    Attributes:
        state: where the backfill stands now.
        found: owed rows that lacked what they are owed.
        left: those that still lack it, parked ones among them.
        parked: rows that cannot be written, each with its reason in the ledger.
        proof_withdrawn: whether rows were found that a proof had covered.
        looked: whether the table was looked at; otherwise the state says why not.
        above: everything above this key was looked at; None for the whole table.
        upper: the highest key then; None for an empty table.
        interrupted: whether this process was asked to stop before the end.
    """

    state: RunState
    found: int = 0
    left: int = 0
    parked: int = 0
    proof_withdrawn: bool = False
    looked: bool = True
    above: Bound | None = None
    upper: Bound | None = None
    interrupted: bool = False

    @property
    def complete(self) -> bool:
        """Whether nothing that was looked at is missing or parked."""
        return self.looked and not self.left and not self.parked


@dataclass(frozen=True, slots=True)
class _Look:
    """What is looked at, and what was going on then."""

    keys: Range
    sights: tuple[Sight, ...]
    writers: tuple[writers.Writer, ...]


def tick(
    loaded: LoadedBackfill,
    url: str,
    pace: Pace,
    around: Surroundings,
    *,
    window: int,
    work: bool = True,
    whole: bool = False,
    limits: Limits | None = None,
) -> Tick:
    """Find rows that came in after the last look, and parked ones; work them off.

    Args:
        loaded: the backfill; it must have been run here.
        url: the target database.
        pace: the settings for working rows off.
        around: the world outside.
        window: so many keys below the floor are looked at again.
        work: whether rows are worked off; otherwise they are only counted, and nothing is remembered.
        whole: look at every row, which costs as much as a proof; changed sources lie anywhere.
        limits: when the throttle holds the work; None for never.

    Raises:
        UsageError: it never ran here, or nothing says where a look could begin.
        BackfillFailedError, ServerError: as running the backfill does.
    """
    connection = open_session(url, loaded.name, lease_seconds=600)
    try:
        with translated(f"looking for later rows of backfill {loaded.name}"):
            statements, state = prepare(connection, loaded, pace)
            if state not in ENDED:
                return _left_alone(loaded, state)
            look = _begin(connection, loaded, statements, window, whole=whole)
            figures = _missing(connection, statements, look)
            row = _row(connection, loaded.name)
            parked, pending = row.rows_parked, _pending(connection, loaded, statements)
            connection.commit()
            found = Tick(state, figures.missing, figures.missing, parked, above=look.keys.lo, upper=look.keys.hi)
            if not work:
                return found
            owed = figures.missing or parked or pending
            contradicted = _contradicted(connection, loaded, statements, look, row, figures)
            if owed:
                put_back(connection, loaded.name, statements, figures, pace.batch_size)
        if owed:
            at_once = replace(pace, wait_for_writers=0.0)
            outcome = engine.run(loaded, url, at_once, around, keep_proof=not contradicted, limits=limits)
            if outcome.interrupted or outcome.state not in ENDED:
                return replace(
                    found, state=outcome.state, proof_withdrawn=contradicted, interrupted=outcome.interrupted
                )
        with translated(f"looking for later rows of backfill {loaded.name}"):
            left = _missing(connection, statements, look).missing if owed else 0
            state, parked = _end(connection, loaded.name, look, left)
        return replace(found, state=state, left=left, parked=parked, proof_withdrawn=contradicted)
    finally:
        connection.close()


def _left_alone(loaded: LoadedBackfill, state: RunState) -> Tick:
    if state is RunState.PLANNED:
        raise UsageError(
            f"Backfill {loaded.name} has never run here, so there is nothing that later rows could come after.",
            hint=f"First: sluicegate backfill run {loaded.name}; sluicegate backfill verify {loaded.name}",
        )
    return Tick(state, looked=False)


def _begin(
    connection: Connection, loaded: LoadedBackfill, statements: Statements, window: int, *, whole: bool
) -> _Look:
    """Read how far to look, and then who is writing: in this order, so that nobody slips in between."""
    # Few rows are looked for in large tables; without statistics the planner would read all of them.
    keep_setting(connection, "enable_seqscan", "off")
    top = connection.execute(statements.upper()).fetchone()
    connection.commit()
    present = writers.present(connection, loaded.definition)
    kept = tuple(completeness.sights(connection, loaded.name))
    floor = completeness.lowest(kept)
    if floor is None and not whole and top is not None:
        raise UsageError(
            f"Nothing says up to which key the rows of backfill {loaded.name} were looked at: transactions were "
            "writing when it ran.",
            hint=f"Prove it once: sluicegate backfill verify {loaded.name}; or look at every row with --stale.",
        )
    lo: Bound | None = None
    if floor is not None and not whole:
        parameters = {**{f"hi_{number}": value for number, value in enumerate(floor)}, "window": window}
        below = connection.execute(statements.back(), parameters).fetchone()
        lo = tuple(below) if below else None
    connection.commit()
    return _Look(Range(lo, tuple(top) if top else None), kept, present)


def _missing(connection: Connection, statements: Statements, look: _Look) -> Figures:
    if look.keys.hi is None:
        return Figures(0, 0)
    return rows.count(connection, statements, within=look.keys)


def _pending(connection: Connection, loaded: LoadedBackfill, statements: Statements) -> bool:
    """Whether a trigger has put keys on the sidecar's list."""
    if not isinstance(loaded.definition.tracking, Sidecar):
        return False
    row = connection.execute(statements.sidecar_pending()).fetchone()
    return bool(row and row[0])


def _contradicted(
    connection: Connection,
    loaded: LoadedBackfill,
    statements: Statements,
    look: _Look,
    row: RunRow,
    figures: Figures,
) -> bool:
    """Tell whether rows are missing that the proof covers, and withdraw it; what came after it leaves it as it is."""
    proof = completeness.latest(connection, loaded.name)
    connection.commit()
    if row.verified_at is None or proof is None or proof.upper_bound is None or not figures.missing:
        return False
    covered = rows.count(connection, statements, within=Range(look.keys.lo, tuple(proof.upper_bound)))
    if not covered.missing:
        return False
    withdraw(connection, loaded.name, covered.missing)
    return True


def _end(connection: Connection, name: str, look: _Look, left: int) -> tuple[RunState, int]:
    """Remember the look, and give a backfill whose proof still holds its state back."""
    with connection.transaction():
        row = runs.lock(connection, name)
        # Parked rows are in the ledger and will be tried again; any other row must be met again.
        if look.keys.hi is not None and left <= row.rows_parked:
            completeness.look(
                connection,
                name,
                look.keys.hi,
                {one.id for one in look.writers},
                since=look.sights,
                blocked=any(one.pid is None for one in look.writers),
            )
        if row.state == RunState.FINISHED and row.verified_at is not None:
            try_move(connection, name, RunState.VERIFIED, actor=owner_name())
        row = _row(connection, name)
    return RunState(row.state), row.rows_parked


def _row(connection: Connection, name: str) -> RunRow:
    row = runs.get(connection, name)
    if row is None:
        raise LookupError(f"backfill {name} has no row")
    return row

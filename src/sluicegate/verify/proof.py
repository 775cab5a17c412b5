"""Prove that a backfill is complete: count, have worked off again what is missing, count again, record the proof."""

from __future__ import annotations

import contextlib
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING

from sluicegate.backfill import engine, preflight, writers
from sluicegate.backfill.chunks import Bound, Range
from sluicegate.backfill.control import try_move
from sluicegate.backfill.lease import owner_name
from sluicegate.backfill.pages import Pages
from sluicegate.backfill.session import LeaveError, open_session
from sluicegate.backfill.states import RunState
from sluicegate.backfill.throttle.gate import HeldTooLongError
from sluicegate.backfill.throttle.watch import Watch
from sluicegate.pg.connect import translated
from sluicegate.pg.pooled import keep_setting
from sluicegate.store import completeness, runs, schema
from sluicegate.verify import rows
from sluicegate.verify.requeue import ENDED, put_back
from sluicegate.verify.rows import Figures

if TYPE_CHECKING:
    import datetime
    from collections.abc import Callable

    from sluicegate.backfill.definition import LoadedBackfill
    from sluicegate.backfill.pace import Pace
    from sluicegate.backfill.session import Surroundings
    from sluicegate.backfill.statements import Statements
    from sluicegate.settings.throttle import Limits
    from sluicegate.store.runs import Connection

ROUNDS = 5
"""How often missing rows are worked off again before verification gives up."""

SHOWN_KEYS = 10

_LOOK_EVERY = 0.5  # seconds between two looks at the throttle

_CLOSED = (RunState.PLANNED, RunState.FINISHED, RunState.FINISHED_WITH_PARKED, RunState.VERIFIED)


@dataclass(frozen=True, slots=True)
class Counting:
    """How verification counts, so that it disturbs nobody; none of it changes what is proved.

    Attributes:
        keys: keys in one statement, which is one snapshot.
        sleep: seconds between two statements.
    """

    keys: int = rows.RANGE
    sleep: float = 0.0


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
        upper: the highest key that was looked at; rows above it came later, and are for the trigger or for ``tick``.
        interrupted: whether this process was asked to stop before the end.
    """

    verified: bool
    state: RunState
    figures: Figures
    requeued: int
    missing_keys: tuple[Bound, ...]
    reasons: dict[Bound, str]
    upper: Bound | None = None
    interrupted: bool = False


@dataclass(frozen=True, slots=True)
class _Scope:
    """What one proof is about: every row up to the key that was the highest when it began."""

    upper: Bound | None
    started: datetime.datetime

    @property
    def keys(self) -> Range:
        return Range(None, self.upper)


def verify(
    loaded: LoadedBackfill,
    url: str,
    pace: Pace,
    around: Surroundings,
    *,
    requeue: bool = True,
    counted: Callable[[Figures], None] | None = None,
    counting: Counting | None = None,
    limits: Limits | None = None,
) -> Proof:
    """Count what is missing until nothing is, and record the proof that opens the gate.

    The proof is about the rows up to the key that is the highest when it begins, once everybody has ended who was
    writing then; no snapshot is held from one count to the next.

    Args:
        loaded: the backfill.
        url: the target database.
        pace: the settings for working missing rows off, and how long to wait for writers.
        around: the world outside.
        requeue: whether missing rows are worked off; otherwise they are only counted.
        counted: told the sums as they grow.
        counting: how to count.
        limits: when the throttle holds counting, and working missing rows off; None for never.

    Raises:
        HeldTooLongError: the throttle held it for longer than the limits allow.
        WritersError: writers did not end in time, so nothing is proved.
        UsageError, BackfillFailedError, ServerError: as running the backfill does.
    """
    with contextlib.ExitStack() as stack:
        watch = stack.enter_context(Watch(loaded, url, limits)) if limits is not None else None
        pause = partial(pause_between, around, (counting or Counting()).sleep, watch)
        return _verify(loaded, url, pace, around, requeue, counted, counting or Counting(), limits, pause)


def _verify(
    loaded: LoadedBackfill,
    url: str,
    pace: Pace,
    around: Surroundings,
    requeue: bool,
    counted: Callable[[Figures], None] | None,
    how: Counting,
    limits: Limits | None,
    pause: Callable[[], None],
) -> Proof:
    requeued = 0
    before: int | None = None
    scope: _Scope | None = None
    figures = Figures(0, 0)
    for last in (*[False] * ROUNDS, True):
        connection = open_session(url, loaded.name, lease_seconds=max(600.0, 2 * how.sleep))
        try:
            with translated(f"verifying backfill {loaded.name}"):
                statements, state = prepare(connection, loaded, pace)
                if scope is None:
                    scope = _scope(connection, loaded, statements, pace, around)
                figures = _count(connection, statements, scope, how.keys, counted, pause)
                requeued += 0 if before is None else max(before - figures.missing, 0)
                if figures.missing == 0 and _record(connection, loaded, figures, scope):
                    return Proof(True, RunState.VERIFIED, figures, requeued, (), {}, scope.upper)
                _withdraw(connection, loaded.name, figures)
                stuck = before is not None and figures.missing >= before
                if not requeue or last or stuck or state not in ENDED or figures.missing == 0:
                    return _incomplete(connection, loaded.name, statements, figures, requeued, scope.upper)
                put_back(connection, loaded.name, statements, figures, pace.batch_size)
        except LeaveError:
            return Proof(False, state, figures, requeued, (), {}, interrupted=True)
        finally:
            connection.close()
        before = figures.missing
        around.listener.note(f"{figures.missing:,} rows are missing; they are worked off now.")
        outcome = engine.run(loaded, url, pace, around, limits=limits)
        if outcome.interrupted:
            break
    return Proof(False, outcome.state, figures, requeued, (), {}, interrupted=outcome.interrupted)


def _scope(
    connection: Connection, loaded: LoadedBackfill, statements: Statements, pace: Pace, around: Surroundings
) -> _Scope:
    """Read how far the proof will reach, and wait until nothing below can be in flight.

    Raises:
        WritersError: somebody still writes.
    """
    started = completeness.clock(connection)
    top = connection.execute(statements.upper()).fetchone()
    connection.commit()
    left = writers.wait(
        connection, loaded.definition, pace.wait_for_writers, partial(_pause, around), around.listener.note
    )
    if left:
        raise writers.unsettled(loaded.definition, left)
    return _Scope(tuple(top) if top else None, started)


def _count(
    connection: Connection,
    statements: Statements,
    scope: _Scope,
    size: int,
    counted: Callable[[Figures], None] | None,
    pause: Callable[[], None],
) -> Figures:
    if scope.upper is None:
        return Figures(0, 0)
    if isinstance(statements, Pages):
        # An update moves a row to any page, also from one that is yet to be counted to one that was: only one snapshot
        # of the whole table sees each row once.
        return rows.count_at_once(connection, statements, counted=counted)
    return rows.count(connection, statements, within=scope.keys, size=size, counted=counted, pause=pause)


def pause_between(around: Surroundings, seconds: float, watch: Watch | None) -> None:
    """Pause between two counts, and for as long as the throttle would hold a chunk.

    Raises:
        LeaveError: this process should stop.
        HeldTooLongError: the throttle held it for longer than the limits allow.
    """
    _pause(around, seconds)
    hold, waited = watch.hold() if watch is not None else None, 0.0
    if hold is not None:
        around.listener.note(f"counting is held: {hold}")
    while watch is not None and hold is not None:
        if watch.max_wait and waited >= watch.max_wait:
            raise HeldTooLongError(
                f"Verification was held for {waited:,.0f} s, the longest that max_wait allows, by: {hold}.",
                hint="Nothing is proved. Verify again when the reason is gone.",
            )
        _pause(around, _LOOK_EVERY)
        waited += _LOOK_EVERY
        hold = watch.hold()


def _pause(around: Surroundings, seconds: float) -> None:
    """Wait, but not longer than it takes to notice that this process should stop.

    Raises:
        LeaveError: it should.
    """
    remaining = seconds
    while remaining > 0 and not around.stop():
        step = min(remaining, 0.2)
        around.sleep(step)
        remaining -= step
    if around.stop():
        raise LeaveError(RunState.INTERRUPTED)


def prepare(connection: Connection, loaded: LoadedBackfill, pace: Pace) -> tuple[Statements, RunState]:
    """Check the database and the backfill's row; return its statements and its state.

    Raises:
        UsageError: the database is not as the backfill needs it.
    """
    schema.require(connection)
    # Counting a range may take longer than a chunk, and nobody waits for it.
    keep_setting(connection, "statement_timeout", "30min")
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


def _record(connection: Connection, loaded: LoadedBackfill, figures: Figures, scope: _Scope) -> bool:
    """Record the proof with what it proved, unless the backfill was started again meanwhile."""
    name = loaded.name
    with connection.transaction():
        row = runs.lock(connection, name)
        if row.state not in _CLOSED or not try_move(connection, name, RunState.VERIFIED, actor=owner_name()):
            return False
        runs.execute(connection, "backfill_prove", name=name, owed=figures.owed, done=figures.done)
        runs.execute(connection, "parked_clear", name=name)
        runs.execute(connection, "backfill_unpark", name=name)
        completeness.prove(
            connection,
            name,
            loaded.definition.fingerprint,
            scope.upper,
            owed=figures.owed,
            done=figures.done,
            started=scope.started,
        )
        if scope.upper is not None:
            completeness.settle(connection, name, scope.upper)
    return True


def _withdraw(connection: Connection, name: str, figures: Figures) -> None:
    with connection.transaction():
        runs.execute(connection, "backfill_figures", name=name, owed=figures.owed, done=figures.done)
    if figures.missing:
        withdraw(connection, name, figures.missing)


def withdraw(connection: Connection, name: str, missing: int) -> None:
    """Take the proof back, if there is one: rows that it covered are missing."""
    with connection.transaction():
        if runs.execute(connection, "backfill_unprove", name=name):
            runs.audit(connection, name, owner_name(), "proof withdrawn", f"{missing} rows are missing")
        if runs.lock(connection, name).state == RunState.VERIFIED:
            try_move(connection, name, RunState.FINISHED, actor=owner_name())


def _incomplete(
    connection: Connection, name: str, statements: Statements, figures: Figures, requeued: int, upper: Bound | None
) -> Proof:
    keys = tuple(rows.missing_keys(connection, statements, figures, SHOWN_KEYS))
    parked = runs.parked(connection, name, limit=1000)
    row = runs.get(connection, name)
    connection.commit()
    state = RunState(row.state) if row else RunState.PLANNED
    reasons = {tuple(one.key): one.reason for one in parked}
    known = {key: reasons[key] for key in keys if key in reasons}
    return Proof(False, state, figures, requeued, keys, known, upper)

"""Turn what the server answered into readings: which figure counts, whose fault it is, and what helps."""

from __future__ import annotations

import re
from decimal import Decimal
from typing import TYPE_CHECKING, Any

from sluicegate.backfill.throttle.model import Figure, Reading, Signal, Unit

if TYPE_CHECKING:
    from collections.abc import Sequence

    from sluicegate.backfill.throttle.decision import ReplayClock
    from sluicegate.settings.throttle import Limits

# A literal that the server cut off at track_activity_query_size has no end.
_LITERAL = re.compile(r"'(?:[^']|'')*(?:'|$)|\$(\w*)\$.*?(?:\$\1\$|$)", re.DOTALL)
_QUERY_SHOWN = 80  # characters of somebody's statement in a message


def replicas(rows: Sequence[Any], limits: Limits, clock: ReplayClock, now: float) -> Reading:
    """Judge who receives WAL; ``clock`` remembers when the primary was where a replica is now."""
    missing = [name for name in limits.replicas if name not in {row.name for row in rows}]
    figures = [
        Figure(f"replica {name} is not connected", 1, 0, Unit.FLAG, "start it, or take it off the policy's list")
        for name in missing
    ]
    for row in rows:
        if row.written is not None:
            clock.note(int(row.written), now)
    for row in rows:
        who = f"replica {row.name or row.pid}"
        left = None if row.replayed is None or row.written is None else max(0, int(row.written) - int(row.replayed))
        figures.append(Figure(f"{who} has to replay", left, limits.replica_lag_bytes, Unit.BYTES))
        if left is not None:
            seconds = max(row.seconds or 0.0, clock.lag(int(row.replayed), now)) if left else 0.0
            figures.append(Figure(f"{who} is behind by", seconds, limits.replica_lag_seconds, Unit.SECONDS))
    if not figures:
        return Reading(Signal.REPLICAS, absent="nobody receives WAL from this server")
    return Reading(Signal.REPLICAS, tuple(figures))


def xmin(rows: Sequence[Any], limits: Limits) -> Reading:
    """Judge who keeps dead rows from being removed."""
    figures = []
    for row in rows:
        who, detail = _holder(row)
        figures.append(
            Figure(f"{who} holds back vacuum, transactions since:", row.xids, limits.xmin_age, Unit.COUNT, detail)
        )
        # A slot and a standby have no time of their own; their age in transactions says it.
        if row.holder in ("session", "prepared transaction"):
            what = f"{who} has held back vacuum for"
            figures.append(Figure(what, row.seconds, limits.xmin_seconds, Unit.SECONDS, detail))
    if not figures:
        return Reading(
            Signal.XMIN, (Figure("transactions since the oldest one needed:", 0, limits.xmin_age, Unit.COUNT),)
        )
    return Reading(Signal.XMIN, tuple(figures))


def _holder(row: Any) -> tuple[str, str]:
    if row.holder == "prepared transaction":
        return (
            f"prepared transaction {row.name} of {row.role}",
            f"end it with COMMIT PREPARED or ROLLBACK PREPARED '{row.name}'",
        )
    if row.holder == "slot":
        return f"replication slot {row.name} ({row.state})", "drop the slot if nobody uses it any more"
    if row.holder == "standby":
        return f"standby {row.name} (pid {row.pid})", "a query there holds it through hot_standby_feedback"
    who = f"session {row.pid} of {row.role}" + (f" ({row.name})" if row.name else "")
    return who, f"{row.state or 'state unknown'}: {_shown(row.query)}"


def waiters(rows: Sequence[Any], limits: Limits) -> Reading:
    """Judge who waits for a lock behind this backfill."""
    figures = [
        Figure(
            f"session {row.pid} of {row.role}" + (f" ({row.name})" if row.name else "") + " has waited behind us for",
            # A wait that has just begun has no start yet (PostgreSQL 18 manual, 53.13).
            0.0 if row.seconds is None else max(0.0, row.seconds),
            limits.waiter_seconds,
            Unit.SECONDS,
            f"{row.mode} on {row.locked}: {_shown(row.query)}; smaller chunks hold locks for a shorter time",
        )
        for row in rows
    ]
    if not figures:
        figures = [Figure("the longest wait behind us is", 0.0, limits.waiter_seconds, Unit.SECONDS)]
    return Reading(Signal.WAITERS, tuple(figures))


def dead_tuples(rows: Sequence[Any], limits: Limits) -> Reading:
    """Judge how far autovacuum is behind on the tables whose rows are changed."""
    if not rows:
        return Reading(Signal.DEAD_TUPLES, absent="this backfill changes no row that is there, it only inserts")
    figures = []
    for row in rows:
        limit = max(float(limits.dead_tuples_floor), limits.dead_tuples_factor * row.threshold)
        detail = f"autovacuum starts at {row.threshold:,.0f}"
        if not row.enabled:
            detail = f"autovacuum is off for it; run VACUUM {row.name}"
        figures.append(Figure(f"dead rows in {row.name}:", row.dead, limit, Unit.COUNT, detail))
    return Reading(Signal.DEAD_TUPLES, tuple(figures), cure="The server counts them when track_counts is on.")


def wraparound(rows: Sequence[Any], limits: Limits) -> Reading:
    """Judge how urgent a vacuum of the written tables is."""
    if not rows:
        return Reading(Signal.WRAPAROUND, absent="no table of this backfill keeps transaction ids of its own")
    figures = []
    for row in rows:
        if row.pid is not None:
            since = "" if row.seconds is None else f" for {row.seconds:,.0f} s"
            what = f"autovacuum (pid {row.pid}) has worked on {row.name} to prevent wraparound{since}"
            figures.append(Figure(what, 1, 0, Unit.FLAG, f"phase: {row.phase}"))
        age = None if row.xids is None or row.multixacts is None else max(row.xids, row.multixacts)
        figures.append(Figure(f"age of the oldest id in {row.name}:", age, limits.wraparound_age, Unit.COUNT))
    return Reading(Signal.WRAPAROUND, tuple(figures))


def archive(state: Any, files: int | None, limits: Limits) -> Reading:
    """Judge whether the archiver keeps up."""
    if not state.used:
        return Reading(Signal.ARCHIVE, absent="archive_mode is off")
    figures = []
    if state.failing:
        what = f"archiving {state.wal} failed, and nothing was archived since"
        figures.append(Figure(what, 1, 0, Unit.FLAG, "the server's log says why"))
    figures.append(Figure("WAL files that wait to be archived:", files, limits.archive_files, Unit.COUNT))
    return Reading(Signal.ARCHIVE, tuple(figures))


def slots(rows: Sequence[Any], limits: Limits) -> Reading:
    """Judge how much WAL replication slots keep."""
    if not rows:
        return Reading(Signal.SLOTS, absent="no replication slot keeps WAL")
    figures = []
    for row in rows:
        used = "in use" if row.active else "not in use; drop it if nobody needs it any more"
        if row.status == "unreserved":
            what = f"slot {row.name} is about to lose WAL that it needs (wal_status unreserved)"
            figures.append(Figure(what, 1, 0, Unit.FLAG, used))
        amount = None if row.bytes is None else int(row.bytes)
        figures.append(Figure(f"slot {row.name} keeps WAL:", amount, limits.slot_bytes, Unit.BYTES, used))
    return Reading(Signal.SLOTS, tuple(figures))


def query(rows: Sequence[Sequence[Any]], limits: Limits) -> Reading:
    """Judge what the policy's own query returned: a number, or a boolean that means wait when true."""
    if len(rows) != 1 or len(rows[0]) != 1:
        return Reading(Signal.QUERY, error="the policy's query must return one row of one column")
    [[value]] = rows
    if isinstance(value, bool):
        what = f"the policy's query says {'wait' if value else 'go on'}"
        return Reading(Signal.QUERY, (Figure(what, float(value), 0, Unit.FLAG),))
    if value is None:
        return Reading(Signal.QUERY, (Figure("the policy's query returns NULL, so its value", None, 0, Unit.COUNT),))
    if not isinstance(value, int | float | Decimal) or value != value:
        return Reading(Signal.QUERY, error="the policy's query must return a number or a boolean")
    return Reading(Signal.QUERY, (Figure("the policy's query returns", float(value), limits.query_limit, Unit.COUNT),))


def _shown(text: str | None) -> str:
    """Show the beginning of somebody's statement, without its literals: they may be secrets."""
    words = " ".join(_LITERAL.sub("'…'", text or "").split())
    return words if len(words) <= _QUERY_SHOWN else f"{words[: _QUERY_SHOWN - 1]}…"

"""Limits of the throttle: at which figures of the server a backfill waits, from the policy's [backfill.throttle]."""

from __future__ import annotations

import math
from dataclasses import dataclass, fields
from typing import TYPE_CHECKING, Any

from sluicegate.errors import UsageError
from sluicegate.settings.keys import Key, Refused

if TYPE_CHECKING:
    from collections.abc import Callable, Collection

    from sluicegate.settings.policy import Policy

TABLE = "backfill.throttle"
"""The policy's table."""

SIGNALS = ("replicas", "xmin", "waiters", "dead-tuples", "wraparound", "archive", "slots", "query")
"""What is asked, by the names that switch it off."""


@dataclass(frozen=True, slots=True)
class Limits:
    """The limits in force; every attribute is documented in ``KEYS``."""

    off: tuple[str, ...] = ()
    interval: float = 1.0
    settle: float = 3.0
    resume_at: float = 0.8
    max_wait: float = 0.0
    replicas: tuple[str, ...] = ()
    replica_lag_bytes: int = 268_435_456
    replica_lag_seconds: float = 15.0
    xmin_seconds: float = 900.0
    xmin_age: int = 10_000_000
    waiter_seconds: float = 1.0
    dead_tuples_factor: float = 2.0
    dead_tuples_floor: int = 100_000
    wraparound_age: int = 1_500_000_000
    archive_files: int = 64
    slot_bytes: int = 10_737_418_240
    query: str | None = None
    query_limit: float = 0.0


def _number(low: float, high: float, unit: str) -> Callable[[Any], float]:
    def read(value: Any) -> float:
        if isinstance(value, bool) or not isinstance(value, int | float) or not math.isfinite(value):
            raise Refused(f"a number from {low:,g} to {high:,g}{unit}")
        if not low <= value <= high:
            raise Refused(f"a number from {low:,g} to {high:,g}{unit}")
        return float(value)

    return read


def _whole(low: int, high: int) -> Callable[[Any], int]:
    def read(value: Any) -> int:
        if isinstance(value, bool) or not isinstance(value, int) or not low <= value <= high:
            raise Refused(f"a whole number from {low:,} to {high:,}")
        return value

    return read


_BYTES = {"kB": 1024, "MB": 1024**2, "GB": 1024**3, "TB": 1024**4}


def _bytes(value: Any) -> int:
    accepted = 'a whole number with a unit, such as "64MB" (kB, MB, GB, TB)'
    if not isinstance(value, str) or value[-2:] not in _BYTES:
        raise Refused(accepted)
    digits = value[:-2].strip()
    if not (digits.isascii() and digits.isdigit()) or not 1 <= int(digits) <= 1_000_000:
        raise Refused(accepted)
    return int(digits) * _BYTES[value[-2:]]


def _signals(value: Any) -> tuple[str, ...]:
    if not isinstance(value, list) or not all(isinstance(name, str) and name in SIGNALS for name in value):
        raise Refused(f"a list of {', '.join(SIGNALS)}")
    return tuple(dict.fromkeys(value))


def _names(value: Any) -> tuple[str, ...]:
    if not isinstance(value, list) or not all(isinstance(name, str) and name.strip() for name in value):
        raise Refused("a list of names in quotes")
    return tuple(dict.fromkeys(value))


def _sql(value: Any) -> str:
    if not isinstance(value, str) or not value.strip():
        raise Refused("a SELECT in quotes")
    return value


KEYS: tuple[Key, ...] = (
    Key(
        TABLE,
        "off",
        (),
        f"a list of {', '.join(SIGNALS)}",
        "Signals that are not asked, on your own responsibility.",
        'off = ["slots"]',
        _signals,
    ),
    Key(
        TABLE,
        "interval",
        1.0,
        "a number from 0.1 to 60 (seconds)",
        "How often the signals are asked, in seconds.",
        "interval = 1.0",
        _number(0.1, 60, " (seconds)"),
    ),
    Key(
        TABLE,
        "settle",
        3.0,
        "a number from 0 to 3600 (seconds)",
        "How long every signal must be calm again before a run that was held goes on, in seconds.",
        "settle = 3.0",
        _number(0, 3_600, " (seconds)"),
    ),
    Key(
        TABLE,
        "resume_at",
        0.8,
        "a number from 0.1 to 1",
        "The share of its limit to which a figure must fall before a run that was held goes on.",
        "resume_at = 0.8",
        _number(0.1, 1, ""),
    ),
    Key(
        TABLE,
        "max_wait",
        0.0,
        "a number from 0 to 604800 (seconds)",
        "How long a run may be held in all, in seconds, before it ends with exit code 4 and can be run again; 0 for "
        "any time.",
        "max_wait = 3600",
        _number(0, 604_800, " (seconds)"),
    ),
    Key(
        TABLE,
        "replicas",
        (),
        "a list of names in quotes",
        "Replicas that must be connected, by the application_name that pg_stat_replication shows.",
        'replicas = ["replica1"]',
        _names,
    ),
    Key(
        TABLE,
        "replica_lag_bytes",
        "256MB",
        'a whole number with a unit, such as "64MB"',
        "How much WAL a replica may have left to replay.",
        'replica_lag_bytes = "256MB"',
        _bytes,
    ),
    Key(
        TABLE,
        "replica_lag_seconds",
        15.0,
        "a number from 0.1 to 86400 (seconds)",
        "How far a replica may be behind, in seconds. An idle replica reports only each wal_receiver_status_interval "
        "(10 s by default), so less than that holds runs without need.",
        "replica_lag_seconds = 15.0",
        _number(0.1, 86_400, " (seconds)"),
    ),
    Key(
        TABLE,
        "xmin_seconds",
        900.0,
        "a number from 1 to 604800 (seconds)",
        "How long a transaction may have kept vacuum from removing dead rows, in seconds.",
        "xmin_seconds = 900.0",
        _number(1, 604_800, " (seconds)"),
    ),
    Key(
        TABLE,
        "xmin_age",
        10_000_000,
        "a whole number from 1 to 2,000,000,000",
        "How many transactions may have begun since the oldest one that anything still needs: a session, a prepared "
        "transaction, a replication slot or a standby's feedback.",
        "xmin_age = 10000000",
        _whole(1, 2_000_000_000),
    ),
    Key(
        TABLE,
        "waiter_seconds",
        1.0,
        "a number from 0.1 to 3600 (seconds)",
        "How long another session may wait for a lock that a chunk holds, in seconds.",
        "waiter_seconds = 1.0",
        _number(0.1, 3_600, " (seconds)"),
    ),
    Key(
        TABLE,
        "dead_tuples_factor",
        2.0,
        "a number from 0.1 to 1000",
        "How many dead rows a table whose rows are changed may have, as a multiple of the number at which autovacuum "
        "starts.",
        "dead_tuples_factor = 2.0",
        _number(0.1, 1_000, ""),
    ),
    Key(
        TABLE,
        "dead_tuples_floor",
        100_000,
        "a whole number from 0 to 1,000,000,000,000",
        "So many dead rows are no reason to wait, however small the table is.",
        "dead_tuples_floor = 100000",
        _whole(0, 10**12),
    ),
    Key(
        TABLE,
        "wraparound_age",
        1_500_000_000,
        "a whole number from 1 to 2,000,000,000",
        "The age of a written table's oldest transaction or multixact id at which a run waits for vacuum; it also "
        "waits while an autovacuum to prevent wraparound works on such a table.",
        "wraparound_age = 1500000000",
        _whole(1, 2_000_000_000),
    ),
    Key(
        TABLE,
        "archive_files",
        64,
        "a whole number from 1 to 1,000,000",
        "How many WAL files may wait for the archiver; a run also waits while archiving fails.",
        "archive_files = 64",
        _whole(1, 1_000_000),
    ),
    Key(
        TABLE,
        "slot_bytes",
        "10GB",
        'a whole number with a unit, such as "64MB"',
        "How much WAL a replication slot may keep; a run also waits while a slot is about to lose WAL that it needs.",
        'slot_bytes = "10GB"',
        _bytes,
    ),
    Key(
        TABLE,
        "query",
        None,
        "a SELECT in quotes",
        "A SELECT of your own that returns one value: a number that must not exceed query_limit, or true for wait.",
        "query = \"SELECT count(*) FROM jobs WHERE state = 'queued'\"",
        _sql,
    ),
    Key(
        TABLE,
        "query_limit",
        0.0,
        "a number from -1e15 to 1e15",
        "The limit of your own query.",
        "query_limit = 10000",
        _number(-1e15, 1e15, ""),
    ),
)
"""All keys of the table, in the order of the reference page."""


def read_limits(policy: Policy, *, off: Collection[str] = (), max_wait: float | None = None) -> Limits:
    """Return the limits in force.

    Args:
        policy: the policy file.
        off: signals that the command line switches off besides.
        max_wait: the longest time to be held in all, in seconds, from the command line.

    Raises:
        UsageError: the table holds a key or a value that is not accepted, with its line.
    """
    body = policy.operational.get("backfill", {})
    table = body.get("throttle", {}) if isinstance(body, dict) else {}
    if not isinstance(table, dict):
        raise UsageError(
            f"{policy.path}: [backfill] throttle is not a table.", hint=f"Write [{TABLE}] on a line of its own."
        )
    keys = {key.name: key for key in KEYS}
    values: dict[str, Any] = {}
    for name, value in table.items():
        if name not in keys:
            raise policy.refuse(TABLE, name, f"[{TABLE}] {name} is not known.", ", ".join(keys))
        try:
            values[name] = keys[name].read(value)
        except Refused as refused:
            raise policy.refuse(TABLE, name, f"[{TABLE}] {name} = {value!r} is refused.", refused.accepted) from None
    if "query_limit" in values and "query" not in values:
        raise policy.refuse(TABLE, "query_limit", f"[{TABLE}] query_limit has no query.", "query_limit beside query")
    if off:
        values["off"] = tuple(dict.fromkeys([*values.get("off", ()), *off]))
    if max_wait is not None:
        values["max_wait"] = max_wait
    return Limits(**values)


assert {key.name for key in KEYS} == {field.name for field in fields(Limits)}  # noqa: S101 - one record for both

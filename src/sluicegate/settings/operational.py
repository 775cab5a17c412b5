"""The settings of a running backfill: one validation path for every value, whatever its origin."""

from __future__ import annotations

import math
import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Generic, TypeVar

import click

from sluicegate.errors import SettingError, UsageError

if TYPE_CHECKING:
    from collections.abc import Mapping

Number = TypeVar("Number", int, float)


@dataclass(frozen=True, slots=True)
class Effective(Generic[Number]):
    """A setting's value in force and where it came from."""

    name: str
    value: Number
    origin: str

    def __str__(self) -> str:
        return f"{self.name}={self.value} ({self.origin})"


class OperationalType(click.ParamType, Generic[Number]):  # type: ignore[type-arg] # generic only from click 8.4 on
    """A number within a range, refused in the same words from a flag, the environment, a definition or the policy.

    Attributes:
        name: the environment variable's name.
        key: the name in a definition and in the policy file's ``[backfill]`` table.
        flag: the command line's option.
        accepted: the range in words.
        doc: what it decides, in one sentence.
        default: what holds when nobody says anything.
    """

    key: str
    flag: str
    accepted: str
    doc: str
    default: Number

    def check(self, value: object, origin: str) -> Number:
        """Return the value as a number.

        Raises:
            SettingError: it is no plain number, or outside the range.
        """
        raise NotImplementedError

    def convert(self, value: object, param: click.Parameter | None, ctx: click.Context | None) -> Number:  # noqa: ARG002
        """Check a value that click read from the command line."""
        return self.check(value, self.flag)

    def refused(self, value: object, origin: str) -> SettingError:
        """Build the error for a value that is not accepted."""
        return SettingError(self.name, value, origin, self.accepted)


class WholeNumber(OperationalType[int]):
    """A whole number, written in plain digits."""

    def __init__(self, name: str, *, key: str, flag: str, low: int, high: int, default: int, doc: str) -> None:
        """Build the type; ``low`` and ``high`` are both accepted."""
        self.name, self.key, self.flag, self.default = name, key, flag, default
        self._low, self._high, self.doc = low, high, doc
        self.accepted = f"a whole number from {low:,} to {high:,}, in digits only"

    def check(self, value: object, origin: str) -> int:
        """Return the value as an int; texts such as ``1e4``, ``10k``, `` 5 `` and booleans are refused."""
        digits = isinstance(value, str) and re.fullmatch(r"0|[1-9][0-9]{0,17}", value, re.ASCII)
        number = int(str(value)) if digits else value
        # bool is an int to Python, and True rows in a chunk is what nobody meant.
        if type(number) is not int or not self._low <= number <= self._high:
            raise self.refused(value, origin)
        return number


class Seconds(OperationalType[float]):
    """A finite number of seconds, written as a plain decimal number."""

    def __init__(self, name: str, *, key: str, flag: str, low: float, high: float, default: float, doc: str) -> None:
        """Build the type; ``low`` and ``high`` are both accepted."""
        self.name, self.key, self.flag, self.default = name, key, flag, default
        self._low, self._high, self.doc = low, high, doc
        self.accepted = f"a number of seconds from {low:,g} to {high:,g}, such as 0.5"

    def check(self, value: object, origin: str) -> float:
        """Return the value as a float; NaN, infinity, exponents, units and booleans are refused."""
        decimal = isinstance(value, str) and re.fullmatch(r"[0-9]{1,9}(\.[0-9]{0,9})?|\.[0-9]{1,9}", value, re.ASCII)
        number = float(str(value)) if decimal else value
        if isinstance(number, bool) or not isinstance(number, int | float) or not math.isfinite(number):
            raise self.refused(value, origin)
        if not self._low <= number <= self._high:
            raise self.refused(value, origin)
        return float(number)


BATCH_SIZE = WholeNumber(
    "BATCH_SIZE",
    key="batch_size",
    flag="--batch-size",
    low=1,
    high=100_000,
    default=10_000,
    doc="How many keys a chunk holds; a chunk is one transaction.",
)
SLEEP = Seconds(
    "SLEEP",
    key="sleep",
    flag="--sleep",
    low=0,
    high=3_600,
    default=0.1,
    doc="How long a worker pauses between two chunks.",
)
WORKERS = WholeNumber(
    "WORKERS",
    key="workers",
    flag="--workers",
    low=1,
    high=64,
    default=1,
    doc="How many chunks a process works on at a time, each on a connection of its own.",
)
LEASE = Seconds(
    "SLUICEGATE_LEASE",
    key="lease",
    flag="--lease",
    low=0.2,
    high=3_600,
    default=60,
    doc="How long a worker may be silent before the others take it for dead.",
)

WAIT_FOR_WRITERS = Seconds(
    "WAIT_FOR_WRITERS",
    key="wait_for_writers",
    flag="--wait-for-writers",
    low=0,
    high=3_600,
    default=60,
    doc="How long to wait for transactions that write to the table, so that nothing of theirs is missed.",
)
TARGET_SECONDS = Seconds(
    "TARGET_SECONDS",
    key="target_seconds",
    flag="--target-seconds",
    low=0,
    high=60,
    default=0,
    doc="How long a chunk shall take: its size begins at BATCH_SIZE and follows, up to 100,000; 0 keeps the size.",
)
VERIFY_KEYS = WholeNumber(
    "VERIFY_KEYS",
    key="verify_keys",
    flag="--verify-keys",
    low=1,
    high=10_000_000,
    default=100_000,
    doc="How many keys verification counts in one statement, which is one snapshot.",
)
VERIFY_SLEEP = Seconds(
    "VERIFY_SLEEP",
    key="verify_sleep",
    flag="--verify-sleep",
    low=0,
    high=3_600,
    default=0,
    doc="How long verification pauses between two counts.",
)
TICK_WINDOW = WholeNumber(
    "TICK_WINDOW",
    key="tick_window",
    flag="--window",
    low=0,
    high=10_000_000,
    default=10_000,
    doc="How many keys below its mark tick looks at again, for keys that were drawn early and committed late.",
)

MAX_WAIT = Seconds(
    "MAX_WAIT",
    key="max_wait",
    flag="--max-wait",
    low=0,
    high=604_800,
    default=0,
    doc="How long the throttle may hold a run in all before it ends, to be run again; 0 for any time.",
)
"""Its place in the policy is [backfill.throttle]."""

ALL: tuple[OperationalType[Any], ...] = (
    BATCH_SIZE,
    SLEEP,
    TARGET_SECONDS,
    WORKERS,
    LEASE,
    WAIT_FOR_WRITERS,
    VERIFY_KEYS,
    VERIFY_SLEEP,
    TICK_WINDOW,
)
"""Every setting, in the order of the reference page."""


def resolve(
    kind: OperationalType[Number],
    *,
    flag: Number | None = None,
    environment: Mapping[str, str] | None = None,
    definition: tuple[object, str] | None = None,
    policy: tuple[Mapping[str, object], str] | None = None,
) -> Effective[Number]:
    """Return the value in force: flag, else environment, else definition, else policy file, else default.

    Args:
        kind: the setting.
        flag: what click read from the command line, None when the option was left out.
        environment: the process's environment.
        definition: the value in the backfill's file and that file's path, None when it says nothing.
        policy: the policy file's ``[backfill]`` table and the file's path.

    Raises:
        SettingError: the value that would be in force is refused.
        UsageError: the policy's table holds a key that no setting has.
    """
    table, policy_origin = policy or ({}, "")
    for unknown in set(table) - {known.key for known in ALL} - {"throttle"}:  # a table of its own, see throttle.py
        raise UsageError(
            f"{policy_origin}: [backfill] {unknown} is not known.",
            hint=f"Accepted: {', '.join(known.key for known in ALL)}.",
        )
    if flag is not None:
        return Effective(kind.name, kind.check(flag, kind.flag), kind.flag)
    if environment is not None and kind.name in environment:
        return Effective(kind.name, kind.check(environment[kind.name], "environment"), "environment")
    if definition is not None:
        value, origin = definition
        return Effective(kind.name, kind.check(value, origin), origin)
    if kind.key in table:
        return Effective(kind.name, kind.check(table[kind.key], policy_origin), policy_origin)
    return Effective(kind.name, kind.default, "default")

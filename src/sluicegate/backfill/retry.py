"""Which failures of a chunk are worth another try, and how long to wait before it."""

from __future__ import annotations

import enum
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable


class Failure(enum.Enum):
    """What a SQLSTATE says about a chunk that failed."""

    TRANSIENT = "the same again may succeed"
    TOO_MUCH = "less at once may succeed"
    BAD_ROW = "some row of the chunk cannot be written"
    LOST = "the connection is gone"
    FATAL = "the definition, the privileges or the server must be corrected first"


# PostgreSQL 18 manual, appendix A "PostgreSQL Error Codes".
_TRANSIENT = {
    "40001",  # serialization_failure
    "40P01",  # deadlock_detected
    "55P03",  # lock_not_available: lock_timeout
}
_TOO_MUCH = {
    "57014",  # query_canceled: statement_timeout
    "25P04",  # transaction_timeout
}
_LOST = {
    "57P01",  # admin_shutdown
    "57P02",  # crash_shutdown
    "57P03",  # cannot_connect_now
    "57P05",  # idle_session_timeout
    "25P03",  # idle_in_transaction_session_timeout
    "25006",  # read_only_sql_transaction: what was the primary is none any more, or we were sent to a standby
}
# data exception, integrity violation, raised by PL/pgSQL, program limit exceeded, and what a function in another
# language raises, in the server or in the definition
_BAD_ROW_CLASSES = ("22", "23", "P0", "54", "38")


def classify(sqlstate: str | None) -> Failure:
    """Return what a failed chunk's SQLSTATE (None: the driver gave none) says about a second try."""
    if sqlstate is None or sqlstate.startswith("08") or sqlstate in _LOST:
        return Failure.LOST
    if sqlstate in _TRANSIENT:
        return Failure.TRANSIENT
    if sqlstate in _TOO_MUCH:
        return Failure.TOO_MUCH
    if sqlstate.startswith(_BAD_ROW_CLASSES):
        return Failure.BAD_ROW
    return Failure.FATAL


@dataclass(frozen=True, slots=True)
class Backoff:
    """Waiting times that double and are spread, so that workers that failed together do not meet again.

    Attributes:
        first: seconds before the second attempt, before the spread.
        longest: no wait is longer.
        attempts: tries in all; after the last one there is no wait but an error.
    """

    first: float = 0.1
    longest: float = 10.0
    attempts: int = 8

    def wait(self, attempt: int, random: Callable[[], float]) -> float | None:
        """Return the seconds to wait after a failed attempt, None when that was the last one.

        Args:
            attempt: which attempt failed, from 1.
            random: a source of numbers in [0, 1).
        """
        if attempt >= self.attempts:
            return None
        ceiling = min(self.longest, self.first * 2.0 ** (attempt - 1))
        return ceiling * (0.5 + random() / 2)

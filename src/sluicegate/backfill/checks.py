"""What a check before a backfill found: a verdict, the fact behind it, and the cure."""

from __future__ import annotations

import enum
from dataclasses import dataclass


class Verdict(enum.StrEnum):
    """How a check ended."""

    OK = "ok"
    WARNING = "warning"
    UNKNOWN = "unknown"
    REFUSED = "refused"


@dataclass(frozen=True, slots=True)
class Check:
    """One question that was asked before a backfill, and its answer.

    Attributes:
        subject: what was looked at, in a word or two.
        verdict: the answer.
        found: what the server said, in a sentence.
        cure: what to do about it; empty where nothing needs doing.
    """

    subject: str
    verdict: Verdict
    found: str
    cure: str = ""

    @classmethod
    def ok(cls, subject: str, found: str) -> Check:
        """Nothing is in the way."""
        return cls(subject, Verdict.OK, found)

    @classmethod
    def warning(cls, subject: str, found: str, cure: str) -> Check:
        """It will work, and costs something that the operator should know before."""
        return cls(subject, Verdict.WARNING, found, cure)

    @classmethod
    def unknown(cls, subject: str, found: str, cure: str) -> Check:
        """The server does not say; the cure is how a person finds out."""
        return cls(subject, Verdict.UNKNOWN, found, cure)

    @classmethod
    def refused(cls, subject: str, found: str, cure: str) -> Check:
        """It would be wrong, endless, or stop in the middle."""
        return cls(subject, Verdict.REFUSED, found, cure)

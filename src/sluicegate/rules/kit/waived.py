"""The questions a rule may ask about a waiver."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import datetime as dt


@dataclass(frozen=True, slots=True)
class WaiverContext:
    """A waiver on the day of a lint.

    Attributes:
        rule: the rule that it waives.
        subject: the revision or file it is about, in words.
        owner: who answers for it.
        expires: the last day on which it holds.
        today: the day of this lint.
        used: whether there was a finding for it.
    """

    rule: str
    subject: str
    owner: str
    expires: dt.date
    today: dt.date
    used: bool

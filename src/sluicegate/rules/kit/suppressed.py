"""The questions a rule may ask about a comment that allows findings."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class SuppressionContext:
    """A suppression.

    Attributes:
        rules: the names it allows; empty when the comment cannot be read.
        reason: why, in the author's words.
        unused: the names among ``rules`` for which there was nothing to allow.
        known: every rule there is.
    """

    rules: tuple[str, ...]
    reason: str
    unused: tuple[str, ...]
    known: frozenset[str]

"""Ask a rule, and keep a rule that fails from passing for a rule that found nothing."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from sluicegate.rules.kit.remedy import advice
from sluicegate.rules.kit.rule import Problem

if TYPE_CHECKING:
    from pathlib import Path

    from sluicegate.rules.kit.catalogue import Entry


class RuleFailedError(Exception):
    """A rule's ``check`` failed on a statement, so what that rule looks for is not known of it."""

    def __init__(self, entry: Entry, error: Exception) -> None:
        """Say which rule failed, where and how."""
        self.entry = entry
        file = getattr(entry.check, "__code__", None)
        line = line_in(file.co_filename, error) if file is not None else None
        place = f" ({entry.origin}:{line or 1})" if entry.origin else ""
        words = f"{type(error).__name__}: {error}".rstrip(": ")
        super().__init__(f"The rule {entry.rule.name}{place} failed here with {words}")

    @property
    def problem(self) -> Problem:
        """Return what a reader needs to know of it."""
        ours = "That is a fault of sluicegate: please report it, with the statement."
        return Problem(
            f"{self}, so what it looks for could not be judged.",
            advice("Correct the rule, then run lint again." if self.entry.origin else ours),
        )


def answers(entry: Entry, context: Any) -> tuple[Problem, ...]:
    """Ask a rule; a rule that fails is no reason to pass, and none to stop.

    Raises:
        RuleFailedError: the rule raised an exception, or answered with something that is no ``Problem``.
    """
    try:
        found = tuple(entry.check(context) or ())
        strange = next((one for one in found if not isinstance(one, Problem)), None)
        if strange is not None:
            raise TypeError(f"check() yielded {type(strange).__name__} instead of Problem")
    except Exception as error:
        raise RuleFailedError(entry, error) from error
    return found


def line_in(path: Path | str, error: BaseException) -> int | None:
    """Return the innermost line of a file that an exception passed through."""
    line, trace = None, error.__traceback__
    while trace is not None:
        if trace.tb_frame.f_code.co_filename == str(path):
            line = trace.tb_lineno
        trace = trace.tb_next
    return line

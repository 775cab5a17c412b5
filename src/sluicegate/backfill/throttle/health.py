"""Ask every signal once, for a person who wants to know whether a backfill would be held now."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from sluicegate.backfill.throttle.model import Reading, Signal, Verdict
from sluicegate.backfill.throttle.questions import Questions, ThrottleError
from sluicegate.backfill.throttle.watch import open_watch
from sluicegate.pg.connect import translated

if TYPE_CHECKING:
    from collections.abc import Mapping

    from sluicegate.backfill.definition import LoadedBackfill
    from sluicegate.settings.throttle import Limits


@dataclass(frozen=True, slots=True)
class Health:
    """What the signals say at one time.

    Attributes:
        readings: one for each signal that is not off.
        off: the signals that are.
        asked: the SQL of each signal, with its values.
    """

    readings: tuple[Reading, ...]
    off: tuple[str, ...]
    asked: Mapping[Signal, list[str]]

    @property
    def reasons(self) -> tuple[str, ...]:
        """Why a run would be held; none when it would not."""
        return tuple(one.reason() for one in self.readings if one.verdict() in (Verdict.HOLD, Verdict.UNKNOWN))

    @property
    def ending(self) -> str:
        """The result in a sentence."""
        if not self.reasons:
            return "no signal would hold it."
        return f"it would be held by {len(self.reasons)} signal{'s' if len(self.reasons) > 1 else ''}."


def examine(loaded: LoadedBackfill, url: str, limits: Limits) -> Health:
    """Ask every signal once.

    Raises:
        ThrottleError: the policy's query is none.
        ServerError: the server cannot be reached.
    """
    questions = Questions(loaded.name, loaded.definition, limits, keep_sql=True)
    with open_watch(url, loaded.name) as connection, translated(f"asking the signals of backfill {loaded.name}"):
        unseen: dict[Signal, Reading] = {}
        try:
            questions.require_privileges(connection)
        except ThrottleError as refused:
            unseen = {one: Reading(one, error=refused.message, cure=refused.hint) for one in refused.signals}
        readings = tuple(unseen.get(one.signal, one) for one in questions.ask(connection, 0.0))
        return Health(readings, limits.off, dict(questions.asked))

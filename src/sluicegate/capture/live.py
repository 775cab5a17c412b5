"""Read revisions once more on a real server, where recording them left questions open.

The revision runs in the isolated reading process as it does when it is only recorded; its statements travel to this
process, which puts them to a server that holds what the revisions before it built, and sends the answers back.
"""

from __future__ import annotations

import itertools
import time
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, Protocol

from sluicegate.capture.model import CaptureMode
from sluicegate.capture.revisions import HistoryReader, Part

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator, Sequence

    from sluicegate.capture.location import ScriptLocation
    from sluicegate.capture.model import CapturedRevision, CapturedStatement
    from sluicegate.findings import Location


class LiveServer(Protocol):
    """A server that is ours alone."""

    def enter(self, earlier: Sequence[CapturedRevision], questions: Sequence[str]) -> bool:
        """Bring the schema up to date with revisions that came since, and open a copy in which the next one runs.

        Return False, without a copy, where the server knows no more than the recording: all the questions of the next
        one are about tables that hold no rows here either.
        """
        ...

    def ask(self, session: int, sql: str | None) -> dict[str, Any]:
        """Run a statement in one of the revision's sessions; None ends the session.

        Returns:
            ``columns`` (names or None), ``rows`` (pickled, base64), ``rowcount``, ``certain`` (whether production would
            answer the same) and ``error`` (SQLSTATE and message, or None).
        """
        ...

    def leave(self, *, keep: bool) -> None:
        """Close the copy; ``keep`` makes it what later revisions are built on."""
        ...


@dataclass(frozen=True, slots=True)
class Live:
    """A history to read again.

    Attributes:
        history: what recording gave, in order.
        wanted: the revisions to run for real.
        server: where.
        seconds: for all of them together; what is left then stays as it was recorded.
    """

    history: Sequence[CapturedRevision]
    wanted: Collection[str]
    server: LiveServer
    seconds: float

    def reader(self, job: dict[str, Any], script: ScriptLocation, timeout: float) -> HistoryReader:
        """Return what reads the history again."""
        return _LiveReader(job, script, timeout, self)


class _LiveReader(HistoryReader):
    def __init__(self, job: dict[str, Any], script: ScriptLocation, timeout: float, live: Live) -> None:
        super().__init__(job, script, timeout)
        self._live = live
        self._recorded = {str(revision.revision): revision for revision in live.history}
        self._built = 0  # how many revisions of the history the server has
        self._inside: str | None = None
        self._failed: dict[str, str] = {}
        self._ends = time.monotonic() + live.seconds
        job["live"] = [name for name in self._recorded if name in live.wanted]
        job["done"] = {
            name: [[statement.sql, statement.transaction] for statement in revision.statements]
            for name, revision in self._recorded.items()
        }

    def _answer(self, question: dict[str, Any]) -> dict[str, Any]:
        if "enter" not in question:
            return self._live.server.ask(question["session"], question["sql"])
        name = question["enter"]
        if time.monotonic() > self._ends:
            self._failed[name] = f"there was no time left of the {self._live.seconds:g} s to run it on a real server"
            return {"go": False}
        names = list(self._recorded)
        place = names.index(name)
        earlier = [self._recorded[before] for before in names[self._built : place]]
        self._built = place
        if not self._live.server.enter(earlier, self._recorded[name].questions):
            return {"go": False}
        self._inside = name
        return {"go": True}

    def _ended(self, part: Part) -> None:
        keep = not part.stopped and part.mode is not CaptureMode.UNREADABLE
        self._live.server.leave(keep=keep)
        self._inside = None
        self._built += keep

    def _give_up(self, problem: str) -> None:
        if self._inside is None:
            super()._give_up(problem)
            return
        name, self._inside, self._activity = self._inside, None, None
        self._live.server.leave(keep=False)
        self._parts.pop(name, None)
        self._failed[name] = f"on an embedded server, upgrade() {problem}"
        # What ran before stays as it ran, and is not run again.
        ran = {done: part.statements for done, part in self._parts.items() if not part.stopped}
        for done, statements in ran.items():
            self._job["done"][done] = [[statement.sql, statement.transaction] for statement in statements]
        self._job["live"] = [one for one in self._job["live"] if one not in self._parts and one not in self._failed]

    def captured(self) -> list[CapturedRevision]:
        """Return the history, with what the server made of the revisions that ran on it."""
        fresh = itertools.count(self._largest() + 1)
        return [self._merged(name, revision, fresh) for name, revision in self._recorded.items()]

    def _merged(self, name: str, recorded: CapturedRevision, fresh: Iterator[int]) -> CapturedRevision:
        part = self._parts.get(name)
        if part is None or part.stopped or part.mode is CaptureMode.UNREADABLE:
            failed: list[tuple[str, Location | None]] = [(self._failed[name], None)] if name in self._failed else []
            if part is not None:
                failed = [(f"on an embedded server, {text}", place) for text, place in part.reasons[-1:]]
            known = {text for text, _ in recorded.reasons}
            return replace(
                recorded,
                more_reasons=(*recorded.more_reasons, *(r for r in failed if r[0].partition(", ")[2] not in known)),
            )
        return replace(
            recorded,
            mode=CaptureMode.PARTIAL if part.reasons else CaptureMode.LIVE,
            statements=_renumbered(part.statements, recorded.statements, fresh),
            reason=part.reasons[0][0] if part.reasons else None,
            reason_location=part.reasons[0][1] if part.reasons else None,
            more_reasons=tuple(part.reasons[1:]),
            asked_in_vain=part.asked_in_vain,
        )

    def _largest(self) -> int:
        numbers = [s.transaction or 0 for revision in self._recorded.values() for s in revision.statements]
        numbers += [s.transaction or 0 for part in self._parts.values() for s in part.statements]
        return max(numbers, default=0)


def _renumbered(
    statements: Sequence[CapturedStatement], recorded: Sequence[CapturedStatement], fresh: Iterator[int]
) -> tuple[CapturedStatement, ...]:
    """Give transactions the numbers that they have in the recorded history, so that what spans revisions still does."""
    live = list(dict.fromkeys(s.transaction for s in statements if s.transaction is not None))
    before = list(dict.fromkeys(s.transaction for s in recorded if s.transaction is not None))
    numbers = {number: next(fresh) for number in live}
    if live and before:
        numbers[live[0]] = before[0]
        if len(live) > 1 and len(before) > 1:
            numbers[live[-1]] = before[-1]
    return tuple(s if s.transaction is None else replace(s, transaction=numbers[s.transaction]) for s in statements)

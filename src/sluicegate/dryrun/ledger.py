"""What the tracer recorded, sorted by revision, with how each one ended."""

from __future__ import annotations

import dataclasses
import inspect
from typing import TYPE_CHECKING

from sluicegate.dryrun.guard import COMMIT_REFUSED
from sluicegate.dryrun.on_clone import GATE_CLOSED
from sluicegate.dryrun.report import Outcome, RevisionRun

if TYPE_CHECKING:
    from collections.abc import Sequence

    from sluicegate.dryrun.request import Progress
    from sluicegate.dryrun.scripts import Scripts
    from sluicegate.dryrun.tracer import Tracer
    from sluicegate.dryrun.upgrade import Stop


class Ledger:
    """Sorts what the tracer records by revision."""

    def __init__(self, scripts: Scripts, selected: Sequence[str], tracer: Tracer, progress: Progress) -> None:
        """Prepare for these revisions, in order; ``progress`` is told each one as it starts."""
        self._progress = progress
        self._scripts, self._selected, self._tracer = scripts, tuple(selected), tracer
        self._done: dict[str, RevisionRun] = {}
        self._current: str | None = None

    def begin(self, revision: str) -> None:
        """Note that a revision starts."""
        self._end()
        self._current = revision
        self._progress(revision)
        self._tracer.start(watching=revision in self._selected)

    def close(self, stop: Stop | None) -> tuple[RevisionRun, ...]:
        """Return one record for each selected revision."""
        last = self._current
        self._end()
        problem = None
        if stop is not None:
            culprit = stop.revision or last
            if culprit in self._done:
                self._done[culprit] = _stopped(self._done[culprit], stop)
            problem = f"revision {culprit} stopped the run" if culprit else stop.message
        skipped = [self._record(name, Outcome.SKIPPED, problem) for name in self._selected if name not in self._done]
        records = {**self._done, **{record.revision: record for record in skipped}}
        return tuple(records[name] for name in self._selected)

    def _end(self) -> None:
        if self._current is not None and self._current in self._selected:
            record = self._record(self._current, Outcome.RAN, None)
            self._done[self._current] = dataclasses.replace(record, statements=tuple(self._tracer.statements))
        self._current = None

    def _record(self, name: str, outcome: Outcome, problem: str | None) -> RevisionRun:
        script = self._scripts.directory.get_revision(name)
        lines = inspect.cleandoc(script.module.__doc__ or "").splitlines() if script is not None else []
        file = self._scripts.places.display(script.path) if script is not None else ""
        return RevisionRun(name, lines[0] if lines else "", file, outcome, problem=problem)


def _stopped(record: RevisionRun, stop: Stop) -> RevisionRun:
    if stop.sqlstate == GATE_CLOSED:
        outcome = Outcome.GATE_CLOSED
    elif stop.sqlstate is None or stop.sqlstate == COMMIT_REFUSED:
        outcome = Outcome.BROKEN
    else:
        outcome = Outcome.REFUSED
    message = stop.message if stop.sqlstate is None else f"{stop.message} (SQLSTATE {stop.sqlstate})"
    return dataclasses.replace(record, outcome=outcome, problem=message, problem_location=stop.location)

"""Alembic revisions ─▶ the statements that they send, recorded in a process of its own.

The one function for the other parts is

    capture_history(
        location: ScriptLocation | Path, *,
        version: int,                                 # the server's major version, such as 16
        revisions: Collection[str] | None = None,     # ids or unique beginnings; None: all that are not deployed
        deployed: Collection[str] = (),               # heads whose schema is given by `schema`
        schema: str | None = None,                    # schema.sql of the deployed database
        naming_convention: Mapping[str, str] | None = None,
        transaction_per_migration: bool = False,
        downgrade: bool = False,
        settings: Mapping[str, str] | None = None,    # what env.py or the connection sets, such as lock_timeout
        operation_modules: tuple[str, ...] = (),      # modules that register operations of their own
        driver: str | None = None,
        version_table: str = "alembic_version",
        version_table_schema: str | None = None,
        timeout: float = 20.0,                        # seconds for one revision, or for importing one file
        live: Live | None = None,                     # revisions to run for real, and the server for that
    ) -> list[CapturedRevision]

in the order in which ``alembic upgrade heads`` would run them. ``version_table.starting_catalog(version)`` is the
catalog from which their statements can be replayed when no schema is given.
"""

from __future__ import annotations

import os
import tempfile
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from sluicegate.capture.location import ScriptLocation, find_script_location
from sluicegate.capture.model import CapturedRevision, CapturedStatement, CaptureMode
from sluicegate.capture.process import ReadingProcess, TookTooLongError
from sluicegate.capture.version_table import VERSION_TABLE
from sluicegate.capture.wire import pack_script, unpack_location, unpack_statement
from sluicegate.errors import CouldNotJudgeError, UsageError
from sluicegate.findings import Direction

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Mapping

    from sluicegate.capture.live import Live
    from sluicegate.findings import Location

DEFAULT_TIMEOUT = 20.0
_RESTARTS = 1_000


def capture_history(
    location: ScriptLocation | Path,
    *,
    version: int,
    revisions: Collection[str] | None = None,
    deployed: Collection[str] = (),
    schema: str | None = None,
    naming_convention: Mapping[str, str] | None = None,
    transaction_per_migration: bool = False,
    downgrade: bool = False,
    settings: Mapping[str, str] | None = None,
    operation_modules: tuple[str, ...] = (),
    driver: str | None = None,
    version_table: str = VERSION_TABLE,
    version_table_schema: str | None = None,
    timeout: float = DEFAULT_TIMEOUT,
    live: Live | None = None,
    meanwhile: Callable[[], object] | None = None,
) -> list[CapturedRevision]:
    """Run revisions against a recording driver and return what they would send to a server.

    Each revision sees the schema that the revisions before it leave behind. Nothing outside a scratch folder is
    changed, no connection is opened, env.py is not executed.

    Args:
        location: the Alembic environment, or a path from which to find it.
        version: the server's major version.
        revisions: which revisions to return, as ids or unique beginnings of them; what must run before them runs
            too. None: all that are not deployed.
        deployed: heads that the database already has; they and what came before is not run. Needs ``schema``.
        schema: the database's schema as SQL, as ``pg_dump --schema-only`` prints it.
        naming_convention: ``MetaData(naming_convention=…)`` of the application, for constraints without a name.
        transaction_per_migration: as env.py passes it to ``context.configure``.
        downgrade: capture ``downgrade()`` instead, each on the schema that its own ``upgrade()`` leaves behind.
        settings: session settings that env.py or the connection arguments make, lower-case name → value.
        operation_modules: modules to import first because they register Alembic operations.
        driver: the database driver that production uses; what its URL or env.py says if left out.
        version_table: as env.py passes it.
        version_table_schema: as env.py passes it.
        timeout: seconds that one revision, or the import of one file, may take.
        live: run the revisions that it names for real, on the server that it brings, and take the rest from it.
        meanwhile: what to do while the reading process starts.

    Raises:
        UsageError: a revision that was asked for does not exist or its name is ambiguous.
        CouldNotJudgeError: the reading process cannot start.
    """
    script = location if isinstance(location, ScriptLocation) else find_script_location(location)
    with tempfile.TemporaryDirectory(prefix="sluicegate-capture-") as scratch:
        job = {
            "script": pack_script(script),
            "working_directory": os.getcwd(),  # noqa: PTH109 - pathlib.Path.cwd() is the same, resolved once more
            "scratch": scratch,
            "version": version,
            "revisions": None if revisions is None else list(revisions),
            "deployed": list(deployed),
            "schema": schema,
            "naming_convention": dict(naming_convention or {}),
            "transaction_per_migration": transaction_per_migration,
            "downgrade": downgrade,
            "settings": {name.lower(): value for name, value in (settings or {}).items()},
            "operation_modules": list(operation_modules),
            "driver": driver or script.driver or "psycopg2",
            "version_table": version_table,
            "version_table_schema": version_table_schema,
            "given_up": {},
            "done": {},
            "downgraded": [],
            "live": [],
        }
        reader = HistoryReader(job, script, timeout)
        if live is not None:
            reader = live.reader(job, script, timeout)
        reader.read(Path(scratch), meanwhile)
    return reader.captured()


@dataclass(slots=True)
class Part:
    """A revision that is being read."""

    shown: bool
    statements: list[CapturedStatement] = field(default_factory=list)
    mode: CaptureMode | None = None
    reasons: list[tuple[str, Location | None]] = field(default_factory=list)
    questions: tuple[str, ...] = ()
    asked_in_vain: bool = False
    stopped: bool = False


class HistoryReader:
    """Our side of the reading process: it listens, and starts another process where one had to be ended."""

    def __init__(self, job: dict[str, Any], script: ScriptLocation, timeout: float) -> None:
        """Take a job, for a script folder, with so many seconds for each revision."""
        self._job = job
        self._script = script
        self._timeout = timeout
        self._heads: list[dict[str, Any]] = []
        self._parts: dict[str, Part] = {}
        self._activity: tuple[str, str] | None = None

    def read(self, scratch: Path, meanwhile: Callable[[], object] | None = None) -> None:
        """Start the process, again where it had to be ended, until every revision has been read."""
        for _ in range(_RESTARTS):
            with ReadingProcess(self._job, scratch, cwd=self._script.working_directory) as process:
                if meanwhile is not None:
                    meanwhile()
                    meanwhile = None
                try:
                    if self._listen(process):
                        return
                    problem = process.why_it_ended()
                except TookTooLongError:
                    problem = f"takes longer than {self._timeout:g} s and was stopped"
            self._give_up(problem)
        raise CouldNotJudgeError("The process that reads revisions was ended too often.")

    def _listen(self, process: ReadingProcess) -> bool:
        while (event := process.next_event(self._timeout)) is not None:
            kind = event.pop("event")
            if kind == "load":
                self._activity = ("load", event["file"])
            elif kind == "order":
                self._heads = event["revisions"]
                self._activity = None
            elif kind == "start":
                self._activity = ("run", event["revision"])
                self._parts[event["revision"]] = Part(event["shown"])
            elif kind == "statement":
                self._running.statements.append(unpack_statement(event))
            elif kind == "end":
                part = self._parts[event["revision"]]
                part.mode = CaptureMode(event["mode"])
                part.reasons = [(text, unpack_location(place)) for text, place in event["reasons"]]
                part.questions = tuple(event["questions"])
                part.asked_in_vain, part.stopped = event["asked_in_vain"], event["stopped"]
                self._ended(part)
                self._activity = None
            elif kind == "ask":
                process.reply(self._answer(event))
            elif kind == "refused":
                raise UsageError(event["message"], hint=event["hint"])
            elif kind == "finished":
                return True
        return False

    def _answer(self, question: dict[str, Any]) -> dict[str, Any]:
        raise NotImplementedError(question)  # only live capture is asked

    def _ended(self, part: Part) -> None:
        """Take note that a revision has been read."""

    @property
    def _running(self) -> Part:
        assert self._activity is not None  # noqa: S101 - statements come between "start" and "end"
        return self._parts[self._activity[1]]

    def _give_up(self, problem: str) -> None:
        """Note what the process was at when it had to be ended, so that the next one goes on behind it."""
        if self._activity is None:
            raise CouldNotJudgeError(f"The process that reads revisions {problem}.")
        what, name = self._activity
        self._activity = None
        if what == "load":
            self._job["given_up"][name] = f"importing it {problem}"
            return
        part = self._parts[name]
        function = "downgrade" if self._job["downgrade"] else "upgrade"
        part.mode = CaptureMode.PARTIAL if part.statements else CaptureMode.UNREADABLE
        part.reasons = [(f"{function}() {problem}", part.statements[-1].location if part.statements else None)]
        if self._job["downgrade"]:
            # What hung may have been its upgrade(), which is run first, so that is not tried again.
            self._job["downgraded"] = [revision for revision in self._parts if revision != name]
            self._job["done"][name] = []
            return
        self._job["done"] = {
            revision: [[statement.sql, statement.transaction] for statement in done.statements]
            for revision, done in self._parts.items()
        }

    def captured(self) -> list[CapturedRevision]:
        """Return what was read, in the history's order."""
        return [self._captured(head, self._parts[head["revision"]]) for head in self._heads]

    def _captured(self, head: dict[str, Any], part: Part) -> CapturedRevision:
        reasons = part.reasons
        return CapturedRevision(
            revision=head["revision"],
            down_revisions=tuple(head["down_revisions"]),
            file=head["file"],
            mode=part.mode or CaptureMode.UNREADABLE,
            statements=tuple(part.statements),
            reason=reasons[0][0] if reasons else None,
            reason_location=reasons[0][1] if reasons else None,
            source=head["source"],
            depends_on=tuple(head["depends_on"]),
            branch_labels=tuple(head["branch_labels"]),
            more_reasons=tuple(reasons[1:]),
            questions=part.questions,
            asked_in_vain=part.asked_in_vain,
            direction=Direction.DOWNGRADE if self._job["downgrade"] else Direction.UPGRADE,
        )

"""Run the ``upgrade()`` of one revision after another against the recorder, as Alembic's online mode would."""

from __future__ import annotations

import contextlib
import inspect
from typing import TYPE_CHECKING, Any

import sqlalchemy as sa
from alembic.config import Config
from alembic.operations import Operations, batch
from alembic.runtime.environment import EnvironmentContext
from alembic.script import ScriptDirectory
from alembic.script.revision import RevisionMap
from sqlalchemy.engine import CursorResult

from sluicegate.capture import older_sqlalchemy
from sluicegate.capture.dialect import RecordingServer
from sluicegate.capture.history import describe, load
from sluicegate.capture.model import CaptureMode
from sluicegate.capture.recorder import QueuedOperations, Reading, TooManyStatementsError
from sluicegate.capture.standin import Watch, take_types_without_names

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from sluicegate.capture.history import RevisionFile
    from sluicegate.capture.location import ScriptLocation
    from sluicegate.capture.recorder import Recorder
    from sluicegate.capture.standins import StandIns
    from sluicegate.findings import Location


_RETRIES = 25


class Runner:
    """The Alembic environment that revisions find around them; env.py is never executed."""

    def __init__(
        self,
        recorder: Recorder,
        standins: StandIns,
        script: ScriptLocation,
        *,
        naming_convention: Mapping[str, str] | None,
        transaction_per_migration: bool,
        version_table: str,
        version_table_schema: str | None,
    ) -> None:
        """Set the environment up."""
        self.recorder = recorder
        self.standins = standins
        self.server = RecordingServer(recorder)
        self._transaction_per_migration = transaction_per_migration
        self._options: dict[str, Any] = {
            "target_metadata": sa.MetaData(naming_convention=dict(naming_convention or {}) or None),
            "version_table": version_table,
            "version_table_schema": version_table_schema,
            "transaction_per_migration": transaction_per_migration,
        }
        self._directory = ScriptDirectory(
            str(script.directory), version_locations=[str(folder) for folder in script.versions]
        )
        self.environment = EnvironmentContext(_config(script), self._directory)
        self._asked = False
        self._unread: list[str] = []
        older_sqlalchemy.install()
        take_types_without_names()
        _observe_batches(recorder)
        _observe_rowcounts(recorder)
        Watch.is_revision = recorder.places.watches
        Watch.note = self._note
        Watch.used = self._used

    def show_history(self, files: list[RevisionFile]) -> None:
        """Let revisions ask ``context.script`` about the history without importing it again."""
        from alembic.script.base import Script

        scripts = []
        for file in files:
            if file.module is not None and file.problem is None:
                with contextlib.suppress(Exception):
                    scripts.append(Script(file.module, file.revision, str(file.path)))
        self._directory.revision_map = RevisionMap(lambda: scripts)

    @contextlib.contextmanager
    def importing(self, file: RevisionFile) -> Iterator[None]:
        """Give a file that is being imported the environment, as Alembic does, and see whether it asks questions."""
        self._asked = False
        before = len(self.standins.other_ways)
        with self._operations() as operations:
            _notice_questions(operations, self)
            yield
        file.imports_at_start = self._asked
        for name, path, line in self.standins.other_ways[before:]:
            file.notes.append(_other_way(name, path, line, self.recorder))

    def run(self, file: RevisionFile, function: str = "upgrade") -> Reading:
        """Run one revision; what happened is in the reading, and the statements went to the recorder."""
        reading = Reading()
        for text, location in file.notes:
            reading.note(text, location)
        if file.warning:
            reading.note(file.warning, None)
        self.recorder.reading = reading
        self.recorder.main.settle()
        Watch.registries.clear()
        try:
            with self._operations() as operations:
                if file.imports_at_start:
                    load(file, self.recorder.places, self.standins)
                if file.module is None or file.problem is not None:
                    return reading
                for _ in range(_RETRIES):
                    error = self._call(file, function, operations, reading)
                    if error is None or reading.statements or not self.standins.replace_culprit(error, file.path):
                        break
                    reading.reasons.clear()  # what it imports inside the function is stood in for now
                    reading.stopped = False
        finally:
            self.recorder.reading = None
            self.recorder.place = None
            if file.problem is not None or (reading.stopped and function == "upgrade"):
                self._unread.append(file.revision)
        for name, (text, location) in reading.uses.items():
            # What shows in a statement is a reason already; whatever else it was good for does not show.
            if not any(shown.startswith(name) for shown in reading.shown):
                reading.note(f"{text}, which cannot be imported here", location)
        return reading

    def _call(
        self, file: RevisionFile, function: str, operations: Operations, reading: Reading
    ) -> BaseException | None:
        body = getattr(file.module, function, None)
        if body is None:
            file.problem = (f"it has no {function}()", None)
            return None
        context = operations.migration_context
        before = len(self.standins.other_ways)
        session = self.server.session
        raised: BaseException | None = None
        with context.begin_transaction(_per_migration=self._transaction_per_migration):
            Watch.running = True
            try:
                for arguments in _arguments(body, file.module, function):
                    body(**arguments)
            except TooManyStatementsError as error:
                reading.note(f"{function}() issues {error} and was stopped", None)
            except BaseException as error:  # noqa: BLE001 - what a revision raises, even SystemExit, is its own affair
                place = self.recorder.places.of_traceback(error.__traceback__)
                reading.note(f"{function}() stops with {describe(_cause(error))}{self._for_want_of(error)}", place)
                reading.stopped = True
                raised = error
            finally:
                Watch.running = False
                # The transaction goes on into the next revision; after an error, what was recorded stays as it is.
                session.keep_open()
        session.keep_open(False)
        if self._transaction_per_migration:
            session.commit()
        for name, path, line in self.standins.other_ways[before:]:
            reading.note(*_other_way(name, path, line, self.recorder))
        return raised

    def _for_want_of(self, error: BaseException) -> str:
        """Say which revision may have made what is missing, had it been read."""
        missing = isinstance(error, sa.exc.NoSuchTableError | sa.exc.InvalidRequestError)
        return f" (revision {self._unread[0]} before it could not be read)" if missing and self._unread else ""

    @contextlib.contextmanager
    def _operations(self) -> Iterator[Operations]:
        connection = self.server.connect()
        session = self.server.session
        try:
            with self.environment:
                self.environment.configure(connection=connection, **self._options)
                with Operations.context(self.environment.get_context()) as operations:
                    yield operations
        finally:
            session.keep_open()
            with contextlib.suppress(Exception):
                connection.close()
            session.keep_open(False)

    def _note(self, text: str) -> None:
        if self.recorder.reading is not None:
            spot = self.recorder.places.current()
            self.recorder.reading.note(f"{text}, which cannot be imported here", spot.location if spot else None)

    def _used(self, name: str, text: str) -> None:
        if self.recorder.reading is not None:
            spot = self.recorder.places.current()
            self.recorder.reading.uses.setdefault(name, (text, spot.location if spot else None))

    def asked(self) -> None:
        """Take note that a file asked for the database while it was imported."""
        self._asked = True


def outcome(file: RevisionFile, reading: Reading) -> tuple[CaptureMode, list[tuple[str, Location | None]]]:
    """Return how far a revision was read, and why no further."""
    reasons = [(reason.text, reason.location) for reason in reading.reasons]
    if file.problem is not None:
        return CaptureMode.UNREADABLE, [file.problem, *reasons]
    if reading.stopped and reading.statements == 0:
        return CaptureMode.UNREADABLE, reasons[-1:] + reasons[:-1]
    return (CaptureMode.PARTIAL if reasons else CaptureMode.RECORDED), reasons


def _config(script: ScriptLocation) -> Config:
    config = Config(str(script.config_file) if script.config_file and script.config_file.suffix == ".ini" else None)
    config.config_ini_section = script.section
    config.set_main_option("script_location", str(script.directory).replace("%", "%%"))
    config.set_main_option("sqlalchemy.url", "postgresql+sluicegate_recording://")
    return config


def _arguments(body: Any, module: Any, function: str) -> Iterator[dict[str, Any]]:
    """Yield arguments for each call of ``upgrade()``: the template for several databases wants a name each."""
    try:
        required = [
            parameter.name
            for parameter in inspect.signature(body).parameters.values()
            if parameter.default is parameter.empty and parameter.kind is parameter.POSITIONAL_OR_KEYWORD
        ]
    except (TypeError, ValueError):
        required = []
    if len(required) != 1:
        yield {}
        return
    prefix = f"{function}_"
    for name in [name for name in vars(module) if name.startswith(prefix)]:
        yield {required[0]: name.removeprefix(prefix)}


def _cause(error: BaseException) -> BaseException:
    """Return what went wrong below SQLAlchemy's wrapping."""
    original = getattr(error, "orig", None)
    return original if isinstance(original, BaseException) else error


def _other_way(name: str, path: str, line: int, recorder: Recorder) -> tuple[str, Location | None]:
    from sluicegate.findings import Location

    place = Location(recorder.places.display(path), line, 1, line, 1)
    return f"it goes another way because {name} cannot be imported here", place


# -- hooks into Alembic and SQLAlchemy; this process serves nothing else --------------------------------------------


def _notice_questions(operations: Operations, runner: Runner) -> None:
    get_bind, get_context = operations.get_bind, operations.get_context

    def asked_bind() -> Any:
        runner.asked()
        return get_bind()

    def asked_context() -> Any:
        runner.asked()
        return get_context()

    operations.get_bind = asked_bind  # type: ignore[method-assign]
    operations.get_context = asked_context  # type: ignore[method-assign]


def _observe_batches(recorder: Recorder) -> None:
    """Let each operation of ``batch_alter_table`` be placed at its own line instead of the ``with``."""
    implementation: Any = batch.BatchOperationsImpl
    original = implementation.__init__

    def initialize(self: Any, *arguments: Any, **options: Any) -> None:
        original(self, *arguments, **options)
        self.batch = QueuedOperations(recorder)

    implementation.__init__ = initialize


def _observe_rowcounts(recorder: Recorder) -> None:
    """Notice a revision that looks at the number of changed rows: nothing was changed."""
    result: Any = CursorResult
    original = result.rowcount

    def rowcount(self: CursorResult[Any]) -> int:
        answer = getattr(getattr(self, "cursor", None) or self.context.cursor, "result", None)
        if answer is not None and not answer.certain and recorder.places.called_by_revision():
            recorder.consumed(answer, "looks at a number of changed rows")
        return int(original.__get__(self, type(self)))

    result.rowcount = property(rowcount)

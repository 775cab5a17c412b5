"""The process in which revisions run: a job on standard input, reports on a pipe, one JSON line an event."""

from __future__ import annotations

import json
import logging
import os
import resource
import sys
import warnings
from dataclasses import replace
from pathlib import Path
from typing import IO, TYPE_CHECKING, Any

from sluicegate.capture.asking import Asking
from sluicegate.capture.drivers import refuse_connections
from sluicegate.capture.history import RevisionFile, in_order, read_file, resolve_name, with_ancestors
from sluicegate.capture.isolation import Guard
from sluicegate.capture.model import CapturedStatement, CaptureMode
from sluicegate.capture.places import Places
from sluicegate.capture.recorder import Reading, Recorder
from sluicegate.capture.runner import Runner, outcome
from sluicegate.capture.standins import StandIns
from sluicegate.capture.version_table import starting_catalog
from sluicegate.capture.wire import pack_location, pack_statement, unpack_script
from sluicegate.catalog.dump import load_script
from sluicegate.catalog.replay import apply
from sluicegate.errors import SluicegateError
from sluicegate.statements.parse import parse_script

if TYPE_CHECKING:
    from sluicegate.catalog.model import Catalog

MEMORY_LIMIT = 4 * 1024**3
_KEEPS_TRANSACTION_AFTER_COMMIT = frozenset({"psycopg2", "asyncpg", "pg8000", "psycopg2cffi"})

_WRITES_PARAMETERS_INTO_THE_TEXT = frozenset({"psycopg2", "psycopg2cffi"})


def main() -> None:
    """Take one job and do it."""
    replies = os.fdopen(os.dup(0), encoding="utf-8")
    job = json.loads(replies.readline())
    nothing = os.open(os.devnull, os.O_RDONLY)
    os.dup2(nothing, 0)  # whoever reads standard input finds it empty
    os.close(nothing)
    pipe = os.fdopen(int(sys.argv[1]), "w", encoding="utf-8")
    resource.setrlimit(resource.RLIMIT_AS, (MEMORY_LIMIT, resource.getrlimit(resource.RLIMIT_AS)[1]))
    warnings.simplefilter("ignore")
    logging.disable(logging.CRITICAL)
    work = _Job(job, pipe, replies)
    try:
        work.do()
    except SluicegateError as error:
        work.tell("refused", message=error.message, hint=error.hint)


class _Job:
    def __init__(self, job: dict[str, Any], pipe: IO[str], replies: IO[str]) -> None:
        self.job = job
        self.pipe = pipe
        self.replies = replies
        self.script = unpack_script(job["script"])
        self.places = Places(
            [*self.script.versions, self.script.directory], working_directory=Path(job["working_directory"])
        )
        self.standins = StandIns()
        self.silent = False
        self.recorder = Recorder(
            places=self.places,
            version=job["version"],
            catalog=_starting_catalog(job),
            settings=job["settings"],
            keeps_transaction_after_commit=job["driver"] in _KEEPS_TRANSACTION_AFTER_COMMIT,
            emit=self._emit,
            typed_parameters=job["driver"] not in _WRITES_PARAMETERS_INTO_THE_TEXT,
            version_table=job["version_table"],
        )
        self.runner = Runner(
            self.recorder,
            self.standins,
            self.script,
            naming_convention=job["naming_convention"],
            transaction_per_migration=job["transaction_per_migration"],
            version_table=job["version_table"],
            version_table_schema=job["version_table_schema"],
        )

    def do(self) -> None:
        self._prepare()
        files = self._read_files()
        sequence = in_order(files)
        self.runner.show_history(sequence)
        wanted = self._wanted(sequence)
        if not self.job["deployed"]:
            self.recorder.version_rows = ()
        self.tell("order", revisions=[_head(file) for file in sequence if file.revision in wanted[1]])
        for file in sequence:
            if file.revision in wanted[0]:
                self._do_revision(file, shown=file.revision in wanted[1])
                self._stamp(file)
        self.tell("finished", catalog_problems=self.recorder.catalog_problems[:50])

    def _prepare(self) -> None:
        self.standins.install()
        refuse_connections(self._refused)
        paths = self.script.import_paths or (self.script.working_directory,)
        sys.path[:0] = [str(path) for path in paths]
        sys.path += _fallback_paths(self.script.directory, self.script.working_directory)
        Guard(Path(self.job["scratch"]), self._refused).install()
        for name in self.job["operation_modules"]:
            __import__(name)

    def _read_files(self) -> list[RevisionFile]:
        files = []
        for path in self.script.revision_files():
            given_up = self.job["given_up"].get(str(path))
            if given_up is not None:
                files.append(read_file(path, self.places, self.standins, given_up=given_up))
                continue
            self.tell("load", file=str(path))
            placeholder = RevisionFile(path, "")
            self._loading = placeholder
            with self.runner.importing(placeholder):
                file = read_file(path, self.places, self.standins)
            file.imports_at_start = placeholder.imports_at_start
            file.notes += placeholder.notes
            files.append(file)
        return files

    def _wanted(self, sequence: list[RevisionFile]) -> tuple[set[str], set[str]]:
        """Return the revisions to run, and those among them to report."""
        everything = {file.revision for file in sequence}
        deployed = with_ancestors(sequence, [resolve_name(name, sequence) for name in self.job["deployed"]])
        if self.job["revisions"] is None:
            return everything - deployed, everything - deployed
        asked = {resolve_name(name, sequence) for name in self.job["revisions"]}
        return (with_ancestors(sequence, asked) | asked) - deployed, asked

    def _do_revision(self, file: RevisionFile, *, shown: bool) -> None:
        if file.revision in self.job["live"]:
            self._do_live(file)
            return
        if file.revision in self.job["done"]:
            # A process before this one read it, and had to be ended at it or after it.
            self._replay(self.job["done"][file.revision])
            return
        if file.revision in self.job["downgraded"]:
            self._run_silently(file)
            return
        self.tell("start", revision=file.revision, shown=shown)
        if not self.job["downgrade"]:
            self._report(file, self.runner.run(file))
            return
        self._run_silently(file)
        session = self.recorder.main
        before = session.payload
        self._report(file, self.runner.run(file, "downgrade"))
        session.payload = before

    def _stamp(self, file: RevisionFile) -> None:
        """Take note of what Alembic's table holds now; with dependencies between branches that is another matter."""
        before = self.recorder.version_rows
        if file.depends_on:
            self.recorder.version_rows = None
        elif before is not None:
            self.recorder.version_rows = (*(one for one in before if one not in file.down_revisions), file.revision)

    def _do_live(self, file: RevisionFile) -> None:
        """Run a revision against a real server; if that fails, what was recorded before holds."""
        recorded = self.job["done"][file.revision]
        if not self._ask({"enter": file.revision})["go"]:
            self._replay(recorded)
            return
        session = self.recorder.main
        before = session.payload
        self.tell("start", revision=file.revision, shown=True)
        self.recorder.server = Asking(self._ask)
        try:
            if session.in_transaction:
                self.recorder.server.execute(session, "BEGIN")
            reading = self.runner.run(file)
        finally:
            self.recorder.server = None
        if reading.stopped:
            session.payload = before
            self._replay(recorded)
        self._report(file, reading)

    def _ask(self, question: dict[str, Any]) -> dict[str, Any]:
        self.tell("ask", **question)
        reply: dict[str, Any] = json.loads(self.replies.readline())
        return reply

    def _run_silently(self, file: RevisionFile) -> None:
        self.silent = True
        self.runner.run(file)
        self.silent = False

    def _report(self, file: RevisionFile, reading: Reading) -> None:
        mode, reasons = outcome(file, reading)
        self.tell(
            "end",
            revision=file.revision,
            mode=CaptureMode(mode).value,
            reasons=[[text, pack_location(location)] for text, location in reasons],
            questions=reading.questions,
            asked_in_vain=reading.assumed_empty,
            stopped=reading.stopped,
        )

    def _replay(self, statements: list[list[Any]]) -> None:
        """Bring the schema to where a process before this one left it."""
        session = self.recorder.main
        for sql, transaction in statements:
            try:
                for statement in parse_script(sql):
                    catalog = replace(self.recorder.catalog, transaction=transaction or 0)
                    session.payload = apply(statement, catalog, self.recorder.context(session))
                    session.after(statement)
            except Exception:  # noqa: BLE001, S112 - the first process met and reported it
                continue

    def _emit(self, statement: CapturedStatement) -> None:
        if not self.silent:
            self.tell("statement", **pack_statement(statement))

    def _refused(self, what: str) -> None:
        spot = self.places.current()
        location = spot.location if spot is not None else None
        text = f"it tried to {what}, which is refused while revisions are only read"
        if self.recorder.reading is not None:
            self.recorder.reading.note(text, location)
        else:
            self._loading.notes.append((text, location))

    _loading = RevisionFile(Path(), "")

    def tell(self, event: str, **values: Any) -> None:
        self.pipe.write(json.dumps({"event": event, **values}) + "\n")
        self.pipe.flush()


def _head(file: RevisionFile) -> dict[str, Any]:
    return {
        "revision": file.revision,
        "down_revisions": file.down_revisions,
        "depends_on": file.depends_on,
        "branch_labels": file.branch_labels,
        "file": file.shown,
        "path": str(file.path),
        "source": file.source,
    }


def _fallback_paths(directory: Path, root: Path) -> list[str]:
    """Return the folders above the script directory where helpers of revisions and the application may live."""
    found = [directory]
    for folder in directory.parents:
        found.append(folder)
        inside_package = (folder / "__init__.py").exists()
        if not inside_package and ((folder / ".git").exists() or folder == root or root.is_relative_to(folder)):
            break
    return [str(folder) for folder in found]


def _starting_catalog(job: dict[str, Any]) -> Catalog:
    if job["schema"] is not None:
        return load_script(job["schema"], version=job["version"])
    return starting_catalog(job["version"], table=job["version_table"], schema=job["version_table_schema"])


if __name__ == "__main__":
    main()

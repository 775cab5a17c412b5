"""Revision files ─▶ a history in the order in which Alembic would run it, with what is wrong with each file."""

from __future__ import annotations

import ast
import re
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from alembic import util
from alembic.script.revision import Revision, RevisionMap

from sluicegate.capture.places import decode_source
from sluicegate.errors import UsageError
from sluicegate.findings import Location

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable
    from types import ModuleType

    from sluicegate.capture.places import Places
    from sluicegate.capture.standins import StandIns

_RETRIES = 25
_LEGACY_NAME = re.compile(r"([a-f0-9]+)\.py$")  # as alembic.script.base: names before Alembic 0.2
_ASSIGNED = re.compile(r"""^(revision|down_revision)\s*(?::[^=\n]*)?=\s*(?:["']([^"'\n]*)["']|None)""", re.MULTILINE)


@dataclass(slots=True)
class RevisionFile:
    """A file of the versions folders.

    Attributes:
        path: the file.
        shown: its name as findings show it.
        source: its text, empty when it cannot be decoded.
        revision: the revision it declares, or a name made from the file where it declares none.
        problem: why it cannot be run, with the line; None when it can.
        warning: what is wrong with its place in the history although it can be run.
        imports_at_start: it asked the database while it was imported, so it is imported anew before it runs.
    """

    path: Path
    shown: str
    source: str = ""
    revision: str = ""
    down_revisions: tuple[str, ...] = ()
    depends_on: tuple[str, ...] = ()
    branch_labels: tuple[str, ...] = ()
    module: ModuleType | None = None
    problem: tuple[str, Location | None] | None = None
    warning: str | None = None
    imports_at_start: bool = False
    notes: list[tuple[str, Location | None]] = field(default_factory=list)

    @property
    def parents(self) -> tuple[str, ...]:
        """What must run before it."""
        return self.down_revisions + self.depends_on


def read_file(path: Path, places: Places, standins: StandIns, *, given_up: str | None = None) -> RevisionFile:
    """Import a revision file, with stand-ins for what is missing, and read its identifiers.

    ``given_up`` says why it must not be imported again; then its identifiers are read from its text.
    """
    file = RevisionFile(path, places.display(path))
    try:
        data = path.read_bytes()
        file.source = data.decode(errors="replace")  # for the identifiers, should the next line fail
        file.source = decode_source(data)
    except (OSError, SyntaxError) as error:
        file.problem = (f"the file cannot be read: {error}", Location(file.shown))
    else:
        if given_up is None:
            load(file, places, standins)
        else:
            file.problem = (given_up, Location(file.shown))
    try:
        _identify(file)
    except (TypeError, AttributeError) as error:
        file.problem = file.problem or (str(error), Location(file.shown))
    if not file.revision:
        file.revision = f"({path.name})"
    return file


def load(file: RevisionFile, places: Places, standins: StandIns) -> None:
    """Import the file's module; what keeps it from being imported becomes its problem."""
    file.module = None
    for _ in range(_RETRIES):
        try:
            file.module = util.load_python_file(file.path.parent, file.path.name)
        except SyntaxError as error:
            if error.filename is not None and Path(error.filename).resolve() == file.path:
                line, column = error.lineno or 1, error.offset or 1
                place = Location(file.shown, line, column, error.end_lineno or line, error.end_offset or column)
                file.problem = (f"it is not valid Python: {error.msg}", place)
                return
            if not standins.replace_culprit(error, file.path):
                file.problem = _import_problem(error, file, places)
                return
        except BaseException as error:  # noqa: BLE001 - whatever a file raises, even SystemExit, is its own affair
            if not standins.replace_culprit(error, file.path):
                file.problem = _import_problem(error, file, places)
                return
        else:
            return
    file.problem = ("its imports fail again and again", Location(file.shown))


def _import_problem(error: BaseException, file: RevisionFile, places: Places) -> tuple[str, Location | None]:
    message = f"importing it fails with {describe(error)}"
    return message, places.of_traceback(error.__traceback__) or Location(file.shown)


def describe(error: BaseException) -> str:
    """Return an exception in one line."""
    text = " ".join(str(error).split())
    text = text if len(text) <= 300 else text[:299] + "…"
    return f"{type(error).__name__}: {text}" if text else type(error).__name__


# -- identifiers --------------------------------------------------------------------------------------------------


def _identify(file: RevisionFile) -> None:
    if file.module is None:
        values = _literal_identifiers(file.source)
    else:
        values = {name: value for name, value in vars(file.module).items() if name in _IDENTIFIERS}
    revision = values.get("revision")
    if revision is None and file.module is not None:
        legacy = _LEGACY_NAME.match(file.path.name)
        if legacy is None:
            raise TypeError("it declares no revision, so Alembic refuses to load the folder")
        revision = legacy.group(1)
    if revision is not None and not isinstance(revision, str):
        raise TypeError(f"its revision is {revision!r}, which is no text")
    file.revision = str(revision or "")
    if file.module is not None and "down_revision" not in values:
        raise TypeError("it declares no down_revision, so Alembic refuses to load the folder")
    file.down_revisions = _names(values.get("down_revision"), "down_revision")
    file.depends_on = _names(values.get("depends_on"), "depends_on")
    file.branch_labels = _names(values.get("branch_labels"), "branch_labels")


_IDENTIFIERS = ("revision", "down_revision", "depends_on", "branch_labels")


def _names(value: Any, name: str) -> tuple[str, ...]:
    if value is None:
        return ()
    if isinstance(value, str):
        return (str(value),)
    if isinstance(value, list | tuple | set) and all(isinstance(item, str) for item in value):
        return tuple(str(item) for item in value)
    raise TypeError(f"its {name} is {value!r}, which names no revisions")


def _literal_identifiers(source: str) -> dict[str, Any]:
    """Read identifiers from the text of a file that cannot be imported."""
    try:
        tree = ast.parse(source)
    except (SyntaxError, ValueError):
        return {match.group(1): match.group(2) for match in _ASSIGNED.finditer(source)}
    found = {}
    for node in tree.body:
        if not isinstance(node, ast.Assign | ast.AnnAssign) or node.value is None:
            continue
        for target in node.targets if isinstance(node, ast.Assign) else [node.target]:
            if isinstance(target, ast.Name) and target.id in _IDENTIFIERS:
                try:
                    found[target.id] = ast.literal_eval(node.value)
                except ValueError:
                    continue
    return found


# -- order --------------------------------------------------------------------------------------------------------


def in_order(files: Iterable[RevisionFile]) -> list[RevisionFile]:
    """Return the files as ``alembic upgrade heads`` would run them on an empty database.

    A file that Alembic would stumble over keeps a place, with its problem or warning set, so that the rest is judged.
    """
    known: dict[str, RevisionFile] = {}
    doubles = []
    for file in files:
        if file.revision in known:
            other = known[file.revision].shown
            file.problem = (f"revision {file.revision} is declared by {other} too", Location(file.shown))
            file.revision = f"({file.path.name})"
            doubles.append(file)
        else:
            known[file.revision] = file
    labels = {label: file.revision for file in known.values() for label in file.branch_labels}
    before: dict[str, list[str]] = {}
    healthy = not doubles
    for file in known.values():
        before[file.revision] = []
        for parent in file.parents:
            resolved = _resolve(parent, known, labels, exact=parent in file.down_revisions)
            if resolved is None:
                healthy = False
                file.warning = f"it follows revision {parent}, which no file declares"
            else:
                before[file.revision].append(resolved)
    sequence, cyclic = _topological(before)
    for name in cyclic:
        healthy = False
        circle = ", ".join(sorted(cyclic))
        known[name].problem = (f"it is part of a circle of revisions ({circle})", Location(known[name].shown))
    if healthy:
        sequence = _alembic_order(known) or sequence
    return [known[name] for name in sequence] + [known[name] for name in known if name in cyclic] + doubles


def _resolve(name: str, known: dict[str, RevisionFile], labels: dict[str, str], *, exact: bool) -> str | None:
    if name in known:
        return name
    if exact:
        return None
    name = name.partition("@")[0]
    if name in labels:
        return labels[name]
    starting = [revision for revision in known if revision.startswith(name)]
    return starting[0] if len(starting) == 1 else None


def _topological(before: dict[str, list[str]]) -> tuple[list[str], set[str]]:
    sequence: list[str] = []
    placed: set[str] = set()
    waiting = list(before)
    while waiting:
        ready = [name for name in waiting if all(parent in placed for parent in before[name])]
        if not ready:
            cyclic = _in_circles(before, waiting)
            if not cyclic:
                break
            # What follows a circle can still be judged, after everything that can run.
            placed |= cyclic
            waiting = [name for name in waiting if name not in cyclic]
            rest, more = _topological({name: [p for p in before[name] if p in waiting] for name in waiting})
            return sequence + rest, cyclic | more
        sequence += ready
        placed.update(ready)
        waiting = [name for name in waiting if name not in placed]
    return sequence, set()


def _in_circles(before: dict[str, list[str]], waiting: Collection[str]) -> set[str]:
    found = set()
    for name in waiting:
        seen: set[str] = set()
        pending = list(before[name])
        while pending:
            parent = pending.pop()
            if parent not in seen and parent in before:
                seen.add(parent)
                pending += before[parent]
        if name in seen:
            found.add(name)
    return found


def _alembic_order(known: dict[str, RevisionFile]) -> list[str] | None:
    revisions = [
        Revision(
            file.revision,
            file.down_revisions or None,
            dependencies=file.depends_on or None,
            branch_labels=file.branch_labels or None,
        )
        for file in known.values()
    ]
    try:
        upwards = RevisionMap(lambda: revisions).iterate_revisions("heads", (), implicit_base=True)
        sequence = [revision.revision for revision in upwards][::-1]
    except Exception:  # noqa: BLE001 - what Alembic says of a history it refuses is no part of its interface
        return None
    return sequence if set(sequence) == set(known) else None


def resolve_name(name: str, files: list[RevisionFile]) -> str:
    """Return the revision that a name, or a unique beginning of one, means.

    Raises:
        UsageError: there is none, or several.
    """
    known = {file.revision for file in files}
    if name in known:
        return name
    found = sorted(revision for revision in known if revision.startswith(name))
    if len(found) == 1:
        return found[0]
    if found:
        raise UsageError(f"{name!r} begins several revisions: {', '.join(found)}.", hint="Write more of the name.")
    raise UsageError(f"There is no revision {name!r} in {len(known)} revision files.")


def with_ancestors(files: list[RevisionFile], wanted: Collection[str]) -> set[str]:
    """Return these revisions and everything that must have run before them."""
    known = {file.revision: file for file in files}
    labels = {label: file.revision for file in files for label in file.branch_labels}
    found: set[str] = set()
    pending = list(wanted)
    while pending:
        name = pending.pop()
        resolved = _resolve(name, known, labels, exact=False)
        if resolved is not None and resolved not in found:
            found.add(resolved)
            pending += known[resolved].parents
    return found

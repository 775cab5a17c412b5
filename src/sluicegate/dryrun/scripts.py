"""Alembic's own view of the revisions: its script directory, without env.py, and which of them to run."""

from __future__ import annotations

import contextlib
import re
import sys
from pathlib import Path
from typing import TYPE_CHECKING

from alembic.config import Config
from alembic.runtime.migration import RevisionStep
from alembic.script import ScriptDirectory
from alembic.script.revision import RevisionError
from alembic.util import CommandError

from sluicegate.capture.places import Places
from sluicegate.errors import CouldNotJudgeError, UsageError

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator, Sequence

    from alembic.script import Script

    from sluicegate.capture.location import ScriptLocation

_RANGE = re.compile(r"(?P<lower>[^:]*):(?P<upper>[^:]*)")


class Scripts:
    """The revisions of one Alembic environment, imported as Alembic imports them."""

    def __init__(self, location: ScriptLocation, *, working_directory: Path | None = None) -> None:
        """Import the revisions.

        Args:
            location: the Alembic environment.
            working_directory: what files are shown relative to; the process's own if left out.

        Raises:
            CouldNotJudgeError: a file cannot be imported, or the history has a fault.
        """
        self.location = location
        self.places = Places(location.versions, working_directory=working_directory or Path.cwd())
        self.directory = ScriptDirectory(
            str(location.directory),
            version_locations=[str(folder) for folder in location.versions],
            recursive_version_locations=location.recursive,
        )
        with self.importable():
            try:
                self._order = list(self.directory.iterate_revisions("heads", (), implicit_base=True))[::-1]
            except (CommandError, RevisionError) as error:
                raise CouldNotJudgeError(
                    f"The revisions in {location.directory} do not form a history: {error}"
                ) from error
            except Exception as error:
                place = self.places.of_traceback(error.__traceback__)
                where = f"{place.file}:{place.line}" if place else str(location.directory)
                raise CouldNotJudgeError(
                    f"{where} cannot be imported: {type(error).__name__}: {error}",
                    hint="A dry run executes revisions for real, so what they import must be installed here.",
                ) from error

    @contextlib.contextmanager
    def importable(self) -> Iterator[None]:
        """Put the environment's import paths first inside the block, as ``prepend_sys_path`` asks."""
        before = list(sys.path)
        paths = self.location.import_paths or (self.location.working_directory,)
        sys.path[:0] = [str(path) for path in paths]
        try:
            yield
        finally:
            sys.path[:] = before

    def config(self) -> Config:
        """Return what revisions see as ``context.config``; it never holds the project's database URL."""
        config = Config(config_args={"script_location": str(self.location.directory)})
        config.config_ini_section = self.location.section
        for name, value in self.location.options:
            with contextlib.suppress(ValueError):
                config.set_main_option(name, value.replace("%", "%%"))
        return config

    @property
    def order(self) -> tuple[Script, ...]:
        """Return all revisions as ``alembic upgrade heads`` would run them on an empty database."""
        return tuple(self._order)

    def resolve(self, name: str) -> tuple[str, ...]:
        """Return the revisions that a name means: an id, its beginning, a branch label, ``head``, ``heads``, ``base``.

        Raises:
            UsageError: there is none, or several begin like that.
        """
        try:
            return tuple(script.revision for script in self.directory.get_revisions(name) if script is not None)
        except (CommandError, RevisionError) as error:
            raise UsageError(
                f"Revision {name!r}: {error}", hint=f"The revisions are in {self.location.directory}."
            ) from error

    def ancestors(self, revisions: Collection[str]) -> frozenset[str]:
        """Return these revisions and everything that must have run before them."""
        found: set[str] = set()
        for revision in revisions:
            if revision not in found:
                upwards = self.directory.iterate_revisions(revision, (), implicit_base=True)
                found.update(script.revision for script in upwards)
        return frozenset(found)

    def select(self, at: Collection[str], asked: Sequence[str]) -> tuple[str, ...]:
        """Return the revisions to try, in order.

        Args:
            at: what the database already has; they and what came before are never tried again.
            asked: ids, or ranges ``A:B`` (after A up to B; a missing end is open); everything pending if empty.

        Raises:
            UsageError: a name means nothing, or nothing that is pending.
        """
        deployed = self.ancestors(at)
        if not asked:
            return tuple(s.revision for s in self._order if s.revision not in deployed)
        wanted: set[str] = set()
        for text in asked:
            match = _RANGE.fullmatch(text)
            found = self._range(match["lower"], match["upper"]) if match else set(self.resolve(text))
            if not found:
                raise UsageError(f"--rev {text} selects no revision.")
            if already := sorted(found & deployed):
                raise UsageError(
                    f"--rev {text} asks for {', '.join(already)}, which the database already has.",
                    hint="Name an earlier revision with --at, or try later ones.",
                )
            wanted |= found
        return tuple(s.revision for s in self._order if s.revision in wanted)

    def steps(self, at: Collection[str], targets: Collection[str]) -> list[RevisionStep]:
        """Return Alembic's steps from a position to the targets, in order."""
        wanted = self.ancestors(targets) - self.ancestors(at)
        return [
            RevisionStep(self.directory.revision_map, script, True)
            for script in self._order
            if script.revision in wanted
        ]

    def _range(self, lower: str, upper: str) -> set[str]:
        below = self.ancestors(self.resolve(lower)) if lower else frozenset()
        return set(self.ancestors(self.resolve(upper or "heads")) - below)

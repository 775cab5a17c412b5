"""The questions a rule may ask about a revision as a whole."""

from __future__ import annotations

import copy
import re
from bisect import bisect_left, bisect_right
from dataclasses import dataclass
from functools import cached_property
from pathlib import PurePath
from typing import TYPE_CHECKING, Any, Protocol

from postgast import pg_query_pb2 as pg

from sluicegate.catalog.model import Catalog
from sluicegate.findings import Location
from sluicegate.rules.kit.context import GATE, Context
from sluicegate.rules.kit.mentions import mentioned_paths
from sluicegate.statements.nodes import strings, value_of, walk_kinds

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

    from sluicegate.capture.model import CapturedRevision
    from sluicegate.rules.kit.mentions import Mention
    from sluicegate.rules.kit.step import Step
    from sluicegate.settings.policy import Policy
    from sluicegate.snapshot.facts import Size


@dataclass(frozen=True, slots=True)
class Gate:
    """A place where a revision waits for a backfill."""

    backfill: str
    location: Location


def is_contract(revision: CapturedRevision) -> bool:
    """Tell whether a revision's file is named as a contract revision."""
    return re.search(r"(^|_)contract_", PurePath(revision.file).name) is not None


class Project(Protocol):
    """What rules may know about the files around a revision; rules open none themselves."""

    def backfills(self) -> Mapping[str, str]:
        """Return the backfills by the revision each one serves, with their files."""

    def holds(self, path: str) -> bool:
        """Tell whether a path that a comment names exists, read from the project's folder or the revision's."""


class NoProject:
    """A revision without files around it."""

    def backfills(self) -> Mapping[str, str]:
        """Return no backfill."""
        return {}

    def holds(self, path: str) -> bool:  # noqa: ARG002 - the protocol's signature
        """Say that every path exists: without files, nothing can be said to be missing."""
        return True


class RevisionContext:
    """A revision with its statements."""

    def __init__(
        self,
        captured: CapturedRevision,
        steps: tuple[Step, ...],
        policy: Policy,
        *,
        version: int,
        rows: Mapping[str, int],
        project: Project,
        history: Mapping[str, CapturedRevision] | None = None,
        carried: tuple[Context, ...] = (),
        sizes: Mapping[str, Size] | None = None,
    ) -> None:
        """Ask about ``captured``, whose statements are ``steps``; ``rows`` and ``sizes`` are by ``schema.table``.

        ``history`` are all revisions by id; ``carried`` are statements of the revisions before that commit together
        with the first one of this revision, because one transaction spans them.
        """
        self.captured = captured
        self.steps = steps
        self.policy = policy
        self.version = version
        self.rows = rows
        self.project = project
        self.history = history or {}
        self.carried = carried
        self.sizes = sizes or {}
        self._first: dict[Callable[[Context], object], Context | None] = {}
        self._options: Mapping[str, Any] = {}

    def with_options(self, options: Mapping[str, Any]) -> RevisionContext:
        """Return the same questions under a rule's options."""
        other = copy.copy(self)
        other._options = options  # noqa: SLF001 - a copy of ourselves
        return other

    def option(self, name: str) -> Any:
        """Return what the policy says about an option that the rule declares."""
        return self._options[name]

    @cached_property
    def contexts(self) -> tuple[Context, ...]:
        """Return its statements, without those that do not parse."""
        return tuple(Context(step, self) for step in self.steps if step.statement is not None)

    @property
    def open_at_end(self) -> tuple[Context, ...]:
        """Return the statements that are not committed when its last one is done."""
        if not self.contexts or self.contexts[-1].step.captured.autocommit:
            return ()
        last = self.contexts[-1]
        return (*last.committed_with(), last)

    def first(self, question: Callable[[Context], object]) -> Context | None:
        """Return the first statement for which a question has an answer; each question is asked once."""
        if question not in self._first:
            self._first[question] = next((context for context in self.contexts if question(context)), None)
        return self._first[question]

    def contexts_before(self, index: int) -> tuple[Context, ...]:
        """Return the statements before a position."""
        return self.contexts[: bisect_left(self.contexts, index, key=lambda context: context.step.index)]

    def contexts_after(self, index: int) -> tuple[Context, ...]:
        """Return the statements after a position."""
        return self.contexts[bisect_right(self.contexts, index, key=lambda context: context.step.index) :]

    @property
    def before(self) -> Catalog:
        """Return the schema before its first statement."""
        return self.steps[0].before if self.steps else Catalog()

    @property
    def after(self) -> Catalog:
        """Return the schema after its last statement."""
        return self.steps[-1].after if self.steps else Catalog()

    def reasons(self) -> Iterator[tuple[str, Location | None]]:
        """Yield why it could not be read, or not wholly, each with the line that made it so."""
        if self.captured.reason is not None:
            yield self.captured.reason, self.captured.reason_location
        yield from self.captured.more_reasons

    @property
    def is_contract(self) -> bool:
        """Tell whether its file is named as a contract revision: ``NNNN_contract_slug.py``."""
        return is_contract(self.captured)

    @property
    def expanded(self) -> tuple[str, ...]:
        """Return the revisions before it, back to the last contract revision: those whose backfills it relies on."""
        found: list[str] = []
        pending = list(self.captured.down_revisions)
        while pending:
            name = pending.pop()
            revision = self.history.get(name)
            if revision is not None and name not in found and not is_contract(revision):
                found.append(name)
                pending += revision.down_revisions
        return tuple(found)

    @property
    def first_line(self) -> Location:
        """Return the line of ``def upgrade``, or the first line of the file."""
        for number, line in enumerate(self.captured.source.splitlines(), start=1):
            if re.match(r"(async )?def upgrade\b", line):
                return Location(self.captured.file, number, 1, number, len(line) + 1)
        return Location(self.captured.file)

    @property
    def is_sql_file(self) -> bool:
        """Tell whether it is a bare SQL file and no Alembic revision."""
        return self.captured.revision is None

    def gates(self) -> Iterator[Gate]:
        """Yield the backfills that the revision waits for with ``op.require_backfill``."""
        for context in self.contexts:
            for call in walk_kinds(context.node, pg.FuncCall):
                if strings(call.funcname)[-2:] == GATE and call.args:
                    yield Gate(str(value_of(call.args[0])), context.step.captured.location)

    def mentioned_paths(self) -> Iterator[Mention]:
        """Yield the paths that comments and docstrings of the file name."""
        return mentioned_paths(self.captured.file, self.captured.source)

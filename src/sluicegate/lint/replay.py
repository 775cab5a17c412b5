"""Run a revision's statements over the schema as values: what each one meets and what it leaves."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from sluicegate.capture.model import CaptureMode
from sluicegate.catalog.replay import apply
from sluicegate.catalog.session import Session
from sluicegate.effects.model import Certainty, Effects
from sluicegate.effects.predict import predict
from sluicegate.errors import ParseError
from sluicegate.lint.assumed import with_assumed_tables
from sluicegate.rules.kit.step import Step
from sluicegate.statements.parse import parse_statement

if TYPE_CHECKING:
    from sluicegate.capture.model import CapturedRevision, CapturedStatement
    from sluicegate.catalog.model import Catalog, Name
    from sluicegate.settings.policy import Policy
    from sluicegate.statements.parse import Statement

_RENAMING = {"rename_stmt", "alter_object_schema_stmt"}


class Replay:
    """The schema as it grows from revision to revision."""

    def __init__(self, catalog: Catalog, policy: Policy, version: int) -> None:
        """Begin with the schema before the first revision."""
        self.catalog = catalog
        self._policy = policy
        self._version = version
        self._transaction = catalog.transaction

    def revision(self, revision: CapturedRevision, *, judged: bool) -> tuple[Step, ...]:
        """Run a revision; effects are predicted only where they will be ``judged``."""
        steps: list[Step] = []
        new: frozenset[Name] = frozenset()
        open_transaction: int | None = None
        self._transaction += 1
        for index, captured in enumerate(revision.statements):
            if captured.autocommit or captured.transaction != open_transaction:
                self._transaction += 1
            open_transaction = captured.transaction
            self.catalog = replace(self.catalog, transaction=self._transaction)
            step = self._step(index, captured, new, judged=judged)
            steps.append(step)
            new = _created(step, new)
            self.catalog = step.after
        if revision.mode in (CaptureMode.PARTIAL, CaptureMode.UNREADABLE):
            # Statements may be missing, so from here on an absent name is no longer proof that nothing has it.
            self.catalog = replace(self.catalog, complete=False)
        return tuple(steps)

    def _step(self, index: int, captured: CapturedStatement, new: frozenset[Name], *, judged: bool) -> Step:
        session = self.session(captured)
        try:
            statement = parse_statement(captured.sql)
        except ParseError as error:
            self.catalog = replace(self.catalog, complete=False)
            before = self.catalog
            return Step(index, captured, None, before, before, session, parse_error=error.message, new=new)
        before = with_assumed_tables(statement, self.catalog, session)
        effects = self._effects(statement, before, session, captured) if judged else Effects()
        after = apply(statement, before, session)
        return Step(index, captured, statement, before, after, session, effects, new=new)

    def session(self, captured: CapturedStatement) -> Session:
        """Return what decides a statement's meaning."""
        settings = {**self._policy.session_settings, **captured.settings}
        path = settings.get("search_path")
        return Session(
            search_path=_search_path(path) if path is not None else self._policy.search_path,
            timezone=settings.get("timezone", "UTC"),
            in_transaction=not captured.autocommit,
            check_function_bodies=settings.get("check_function_bodies", "on") not in {"off", "false", "0", "no"},
        )

    def _effects(
        self, statement: Statement, catalog: Catalog, session: Session, captured: CapturedStatement
    ) -> Effects:
        effects = predict(statement, catalog, session, self._version)
        known = self._policy.timezone is not None or "timezone" in captured.settings
        if known or statement.kind != "alter_table_stmt":
            return effects
        # Whether timestamp <-> timestamptz rewrites depends on TimeZone, and nobody said what it is.
        elsewhere = predict(statement, catalog, replace(session, timezone="Europe/Berlin"), self._version)
        if elsewhere.rewrites == effects.rewrites:
            return effects
        unknown = "whether TimeZone is UTC in the session that migrates ([server] timezone in policy.toml says it)"
        return replace(elsewhere, certainty=Certainty.UNKNOWN, unknowns=(*elsewhere.unknowns, unknown))


def _created(step: Step, new: frozenset[Name]) -> frozenset[Name]:
    """Return the relations that the revision has created by now; a rename keeps what a table was."""
    appeared = step.after.relations.keys() - step.before.relations.keys()
    vanished = step.before.relations.keys() - step.after.relations.keys()
    if step.statement is not None and step.statement.kind in _RENAMING and vanished and not vanished & new:
        appeared = set()
    return (new - vanished) | appeared


def _search_path(value: str) -> tuple[str, ...]:
    names = (part.strip().strip('"').strip("'") for part in value.split(","))
    return tuple(name for name in names if name and name != "$user")

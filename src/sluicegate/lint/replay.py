"""Run a revision's statements over the schema as values: what each one meets and what it leaves."""

from __future__ import annotations

from dataclasses import replace
from functools import partial
from typing import TYPE_CHECKING

from postgast import pg_query_pb2 as pg

from sluicegate.capture.model import CaptureMode
from sluicegate.catalog.session import Session
from sluicegate.catalog.timeline import Slip, follow, guarded
from sluicegate.effects.model import Certainty, Effects
from sluicegate.effects.predict import predict
from sluicegate.errors import ParseError
from sluicegate.lint.inside import inner_statements
from sluicegate.rules.kit.step import Step
from sluicegate.statements.nodes import walk_kinds
from sluicegate.statements.parse import parse_statement

if TYPE_CHECKING:
    from sluicegate.capture.model import CapturedRevision, CapturedStatement
    from sluicegate.catalog.model import Catalog, Name
    from sluicegate.settings.policy import Policy
    from sluicegate.statements.parse import Statement


class Replay:
    """The schema as it grows from revision to revision."""

    def __init__(self, catalog: Catalog, policy: Policy, version: int) -> None:
        """Begin with the schema before the first revision."""
        self.catalog = catalog
        self._policy = policy
        self._version = version
        self._transaction = catalog.transaction
        self._doubted: tuple[Catalog, str] | None = None

    def revision(
        self, revision: CapturedRevision, *, judged: bool, goes_on: bool = False, new: frozenset[Name] = frozenset()
    ) -> tuple[Step, ...]:
        """Run a revision.

        Args:
            revision: the revision.
            judged: whether its effects will be judged; otherwise they are not predicted.
            goes_on: whether it runs in the transaction that the revision before it left open.
            new: relations that are new because the open transaction created them.
        """
        steps: list[Step] = []
        first = revision.statements[0].transaction if revision.statements else None
        open_transaction = first if goes_on else None
        self._transaction += not goes_on
        for captured in revision.statements:
            if captured.autocommit or captured.transaction != open_transaction:
                self._transaction += 1
            open_transaction = captured.transaction
            self.catalog = replace(self.catalog, transaction=self._transaction)
            step = self._step(len(steps), captured, new, judged=judged)
            inner = guarded(partial(self._inside, step)) if judged else []
            if isinstance(inner, Slip):
                step, inner = replace(step, effects=step.effects.uncertain(str(inner))), []
            if inner:
                steps += [replace(step, effects=_unknowns_of(step.effects)), *inner]
            else:
                steps.append(step)
            new = step.new_after
            self.catalog = step.after
        if revision.mode in (CaptureMode.PARTIAL, CaptureMode.UNREADABLE):
            # Statements may be missing, so from here on an absent name is no longer proof that nothing has it.
            self.catalog = replace(self.catalog, complete=False)
            self._doubted = (self.catalog, revision.revision or revision.file)
        return tuple(steps)

    def _step(self, index: int, captured: CapturedStatement, new: frozenset[Name], *, judged: bool) -> Step:
        session = self.session(captured)
        try:
            statement = parse_statement(captured.sql)
        except ParseError as error:
            self.catalog = replace(self.catalog, complete=False)
            before = self.catalog
            return Step(index, captured, None, before, before, session, parse_error=error.message, new=new)
        before = self.catalog
        effects = self._effects(statement, before, session, captured) if judged else Effects()
        after, slip = follow(statement, before, session)
        if slip is not None:
            effects = effects.uncertain(str(slip))
        return Step(index, captured, statement, before, after, session, effects, new=new)

    def _inside(self, step: Step) -> list[Step]:
        """Return the statements that a DO block or a called function runs, as steps of their own."""
        if step.statement is None or step.effects.error is not None:
            return []
        steps: list[Step] = []
        catalog = step.before
        for inner in inner_statements(step.statement, step.before, step.session):
            before = catalog
            effects = self._effects(inner, before, step.session, step.captured)
            # A condition may keep it from failing, a name may be a variable's: what fails, and what cannot be told, is
            # for the statement around it to say.
            effects = replace(effects, error=None, certainty=Certainty.CERTAIN, unknowns=())
            catalog, slip = follow(inner, before, step.session)
            if slip is not None:
                effects = effects.uncertain(str(slip))
            index = step.index + 1 + len(steps)
            steps.append(replace(step, index=index, statement=inner, before=before, after=catalog, effects=effects))
        return steps

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
        effects = self._without_doubtful_error(statement, predict(statement, catalog, session, self._version))
        known = self._policy.timezone is not None or "timezone" in captured.settings
        if known or statement.kind != "alter_table_stmt" or not _changes_type(statement):
            return effects
        # Whether timestamp <-> timestamptz rewrites depends on TimeZone, and nobody said what it is.
        elsewhere = predict(statement, catalog, replace(session, timezone="Europe/Berlin"), self._version)
        if elsewhere.rewrites == effects.rewrites:
            return effects
        unknown = "whether TimeZone is UTC in the session that migrates ([server] timezone in policy.toml says it)"
        return elsewhere.uncertain(unknown)

    def _without_doubtful_error(self, statement: Statement, effects: Effects) -> Effects:
        """Take an error back that a revision of which only a part is known may have made impossible."""
        if self._doubted is None or effects.error is None or effects.error.sqlstate in _WHATEVER_THE_SCHEMA:
            return effects
        before, revision = self._doubted
        named = [table.relname for table in walk_kinds(statement.node, pg.RangeVar)]
        existed = {name.name for name in (*before.relations, *before.indexes)}
        if named and existed.isdisjoint(named):
            return effects  # made since then, so its shape is known
        phrase = (
            f"whether PostgreSQL rejects it ({effects.error.message}): revision {revision} before it was read in part"
        )
        return replace(effects, error=None, certainty=Certainty.UNKNOWN, unknowns=(*effects.unknowns, phrase))


def _changes_type(statement: Statement) -> bool:
    return any(item.alter_table_cmd.subtype == pg.AT_AlterColumnType for item in statement.node.cmds)


_WHATEVER_THE_SCHEMA = frozenset({"22023", "25001", "25P02", "42601", "42622", "42939", "54000", "54011", "0A000"})
"""SQLSTATEs (appendix A of the manual) of limits, syntax and transaction blocks: no earlier revision changes them."""


def _unknowns_of(effects: Effects) -> Effects:
    """Keep of a block's effects what could not be told; the rest is said by the statements in it."""
    return Effects(in_transaction=effects.in_transaction, certainty=effects.certainty, unknowns=effects.unknowns)


def _search_path(value: str) -> tuple[str, ...]:
    names = (part.strip().strip('"').strip("'") for part in value.split(","))
    return tuple(name for name in names if name and name != "$user")

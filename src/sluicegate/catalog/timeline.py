"""Schema and session as statements follow each other: settings, transactions and savepoints move along."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, TypeVar

from postgast import pg_query_pb2 as pg

from sluicegate.catalog.replay.apply import apply, step
from sluicegate.catalog.replay.draft import Draft
from sluicegate.statements.nodes import strings, unwrap, value_of, walk_kinds

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from sluicegate.catalog.model import Catalog
    from sluicegate.catalog.session import Session
    from sluicegate.statements.parse import Statement

_T = TypeVar("_T")


@dataclass(frozen=True, slots=True)
class Slip:
    """A failure of our own at one statement: it must neither end a run nor let the statement pass.

    Attributes:
        error: what was raised.
    """

    error: Exception

    def __str__(self) -> str:
        what = f"{type(self.error).__name__}: {self.error}"
        return f"sluicegate itself failed here ({what}); please report the statement"


def guarded(step: Callable[[], _T]) -> _T | Slip:
    """Return what a step gives, or the slip that ended it; whoever gets one says that the answer is not known."""
    try:
        return step()
    except Exception as error:  # noqa: BLE001 - any slip of ours
        return Slip(error)


def follow(statement: Statement, catalog: Catalog, session: Session) -> tuple[Catalog, Slip | None]:
    """Return the schema after a statement that succeeded, and the slip if it could not be followed.

    After a slip the schema is the one before, no longer complete: an absent name proves nothing from there on.
    """
    after = guarded(lambda: apply(statement, catalog, session))
    return (replace(catalog, complete=False), after) if isinstance(after, Slip) else (after, None)


@dataclass(frozen=True, slots=True)
class _Point:
    """What ROLLBACK (or ROLLBACK TO) goes back to."""

    name: str
    catalog: Catalog
    session: Session


class Timeline:
    """The state of a database and of one session while statements run.

    Attributes:
        catalog: the schema now; its ``transaction`` counts transactions from 1.
        session: the settings now.
        failed: True when a statement of the open transaction failed, so that the server ignores what follows.
    """

    def __init__(self, catalog: Catalog, session: Session) -> None:
        self.session = session
        self.failed = False
        self._initial = session
        self._points: list[_Point] = []
        self._after_commit = session
        self._draft = Draft(catalog, session)

    @property
    def catalog(self) -> Catalog:
        """Return the schema now; later steps do not change the value that was returned."""
        catalog = self._draft.catalog
        self._draft = Draft(catalog, self.session)
        return catalog

    def start(self) -> None:
        """Say that a statement is about to run: outside a block it begins a transaction of its own."""
        if not self.session.in_transaction:
            catalog = self._draft.catalog
            self._draft.catalog = replace(catalog, transaction=catalog.transaction + 1)

    def advance(self, statement: Statement) -> Slip | None:
        """Take over what a statement that succeeded leaves behind.

        Returns:
            The slip if it could not be followed, and the schema is no longer complete; None otherwise.
        """
        slip = guarded(lambda: self._advance(statement))
        if isinstance(slip, Slip):
            self._draft = Draft(replace(self._draft.catalog, complete=False), self.session)
        return slip

    def _advance(self, statement: Statement) -> None:
        if statement.kind == "transaction_stmt":
            self._transaction(statement.node)
            return
        if statement.kind in {"variable_set_stmt", "select_stmt", "discard_stmt"}:
            self._settings(statement.kind, statement.node)
        self._draft.session = self.session
        step(self._draft, statement.kind, statement.node)

    def run(self, statements: Iterable[Statement]) -> None:
        """Take over what several statements leave behind, all of them successful."""
        for statement in statements:
            self.start()
            self.advance(statement)

    # -- transactions --------------------------------------------------------------------------------------------

    def _transaction(self, node: Any) -> None:
        match node.kind:
            case pg.TRANS_STMT_BEGIN | pg.TRANS_STMT_START:
                if not self.session.in_transaction:
                    self._begin()
            case pg.TRANS_STMT_COMMIT | pg.TRANS_STMT_PREPARE:
                self._end(chain=node.chain, keep=not self.failed)
            case pg.TRANS_STMT_ROLLBACK:
                self._end(chain=node.chain, keep=False)
            case pg.TRANS_STMT_SAVEPOINT:
                self._points.append(_Point(node.savepoint_name, self.catalog, self.session))
            case pg.TRANS_STMT_RELEASE:
                found = self._point(node.savepoint_name)
                if found is not None:
                    del self._points[found:]
            case pg.TRANS_STMT_ROLLBACK_TO:
                found = self._point(node.savepoint_name)
                if found is not None:
                    self._back_to(self._points[found])
                    del self._points[found + 1 :]
                    self.failed = False

    def _begin(self) -> None:
        self._points = [_Point("", self.catalog, self.session)]
        self._after_commit = self.session
        self.session = replace(self.session, in_transaction=True)
        self._draft.session = self.session

    def _end(self, *, chain: bool, keep: bool) -> None:
        if self._points and not keep:
            number = self._draft.catalog.transaction
            self._back_to(self._points[0])
            self._draft.catalog = replace(self._draft.catalog, transaction=number)
        elif self.session.in_transaction:
            # SET LOCAL ends here; what was SET stays.
            self.session = self._after_commit
        self.session = replace(self.session, in_transaction=False)
        self._draft.session = self.session
        self._points, self.failed = [], False
        if chain:
            self._draft.catalog = replace(self._draft.catalog, transaction=self._draft.catalog.transaction + 1)
            self._begin()

    def _point(self, name: str) -> int | None:
        for number in range(len(self._points) - 1, 0, -1):
            if self._points[number].name == name:
                return number
        return None

    def _back_to(self, point: _Point) -> None:
        self._draft = Draft(point.catalog, point.session)
        self.session = point.session
        self._after_commit = replace(point.session, in_transaction=False)

    # -- settings ------------------------------------------------------------------------------------------------

    def _settings(self, kind: str, node: Any) -> None:
        if kind == "discard_stmt":
            if node.target == pg.DISCARD_ALL:
                self._set(search_path=self._initial.search_path, timezone=self._initial.timezone)
            return
        if kind == "select_stmt":
            for call in walk_kinds(node, pg.FuncCall):
                if strings(call.funcname)[-1] == "set_config" and len(call.args) == 3:
                    name, value, local = (value_of(argument) for argument in call.args)
                    if isinstance(name, str) and isinstance(value, str):
                        self._change(name, _listed(value), local=bool(local))
            return
        if node.kind == pg.VAR_RESET_ALL:
            self._set(search_path=self._initial.search_path, timezone=self._initial.timezone)
        elif node.kind in {pg.VAR_SET_DEFAULT, pg.VAR_RESET}:
            self._change(node.name, None, local=node.is_local)
        elif node.kind == pg.VAR_SET_VALUE:
            self._change(node.name, [str(_setting(argument)) for argument in node.args], local=node.is_local)

    def _change(self, name: str, values: list[str] | None, *, local: bool) -> None:
        if local and not self.session.in_transaction:
            return  # a warning and no effect
        match name.lower():
            case "search_path":
                path = self._initial.search_path if values is None else _schemas(values)
                self._set(local=local, search_path=path)
            case "timezone":
                self._set(local=local, timezone=self._initial.timezone if values is None else values[0])
            case "check_function_bodies" if values is not None:
                self._set(local=local, check_function_bodies=values[0].lower() in {"on", "true", "yes", "1"})

    def _set(self, *, local: bool = False, **changes: Any) -> None:
        self.session = replace(self.session, **changes)
        if not local:
            self._after_commit = replace(self._after_commit, **changes)


def _setting(node: Any) -> Any:
    inner = unwrap(node)
    # SET TIME ZONE INTERVAL '…' HOUR TO MINUTE carries a cast; the text is what names the zone.
    return value_of(inner.arg) if isinstance(inner, pg.TypeCast) else value_of(inner)


def _listed(value: str) -> list[str]:
    return [part.strip().strip('"') for part in value.split(",")] if value.strip() else []


def _schemas(values: list[str]) -> tuple[str, ...]:
    # "$user" is a schema named like the role, which is rarely there; pg_catalog is searched in any case.
    return tuple(value for value in values if value and value != "$user")

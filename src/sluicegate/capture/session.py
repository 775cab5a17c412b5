"""What a session remembers from statement to statement: its transaction, its savepoints and its settings."""

from __future__ import annotations

import itertools
import re
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any

from postgast import pg_query_pb2 as pg

from sluicegate.catalog.session import Session
from sluicegate.statements import nodes
from sluicegate.statements.plpgsql import body_of, embedded_sql

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from sluicegate.statements.parse import Statement


@dataclass(frozen=True, slots=True)
class _State:
    """What a rollback brings back: settings, and whatever the owner of the session keeps beside them."""

    settings: Mapping[str, str] = field(default_factory=dict)
    local: Mapping[str, str | None] = field(default_factory=dict)  # None: SET LOCAL … TO DEFAULT
    payload: Any = None


class SessionTracker:
    """Follow one session as the server would: which transaction is open and which settings are in force.

    ``payload`` is anything immutable that must be rolled back together with the settings, such as the catalog.

    Sources: PostgreSQL 18 manual, SET (a rolled-back SET is undone, SET LOCAL ends with the transaction and is
    ignored outside one), SAVEPOINT, set_config in 9.28.1.
    """

    def __init__(
        self,
        *,
        numbers: Iterator[int] | None = None,
        settings: Mapping[str, str] | None = None,
        payload: Any = None,
    ) -> None:
        """Start a session outside a transaction.

        Args:
            numbers: where transaction numbers come from; sessions that share it never use a number twice.
            settings: what the connection sets when it is opened, lower-case name → value.
            payload: see above.
        """
        self._numbers = numbers if numbers is not None else itertools.count(1)
        self._defaults = dict(settings or {})
        self._state = _State(settings=dict(self._defaults), payload=payload)
        self._at_begin: _State | None = None
        self._savepoints: list[tuple[str, _State]] = []
        self.transaction: int | None = None
        self.failed = False  # the open transaction met an error, so the server refuses all but its end

    # -- answers ------------------------------------------------------------------------------------------------

    @property
    def in_transaction(self) -> bool:
        """Whether a transaction block is open."""
        return self.transaction is not None

    @property
    def settings(self) -> dict[str, str]:
        """Settings in force that differ from the server's own, lower-case name → value as text."""
        values = {**self._state.settings, **self._state.local}
        return {name: value for name, value in values.items() if value is not None}

    @property
    def local_settings(self) -> frozenset[str]:
        """Names among ``settings`` whose value ends with the transaction."""
        return frozenset(name for name, value in self._state.local.items() if value is not None)

    @property
    def payload(self) -> Any:
        """What the owner keeps in the session."""
        return self._state.payload

    @payload.setter
    def payload(self, value: Any) -> None:
        self._state = replace(self._state, payload=value)

    def settle(self) -> None:
        """Take what happened so far for deployed: a rollback does not undo it, and its settings are gone.

        An open transaction stays open. Revisions that are pending together do share a session, but none can count on
        being pending together with the one that sets its timeouts.
        """
        self._state = replace(self._state, settings=dict(self._defaults), local={})
        self._savepoints = []
        if self._at_begin is not None:
            self._at_begin = self._state

    # -- transactions -------------------------------------------------------------------------------------------

    def begin(self) -> None:
        """Open a transaction; inside one, nothing happens (the server only warns)."""
        if self.transaction is None:
            self.transaction = next(self._numbers)
            self._at_begin = self._state

    def commit(self) -> None:
        """Commit, which after an error rolls back; outside a transaction, nothing happens."""
        self._end(self._at_begin if self.failed and self._at_begin is not None else self._state)

    def rollback(self) -> None:
        """Roll back; outside a transaction, nothing happens."""
        if self._at_begin is not None:
            self._end(self._at_begin)

    def _end(self, state: _State) -> None:
        self._state = replace(state, local={})
        self._at_begin = None
        self._savepoints = []
        self.transaction = None
        self.failed = False

    # -- statements ---------------------------------------------------------------------------------------------

    def before(self, statement: Statement) -> None:
        """Take note that a statement is about to run: BEGIN belongs to the transaction that it opens."""
        node = statement.node
        if isinstance(node, pg.TransactionStmt) and node.kind in (pg.TRANS_STMT_BEGIN, pg.TRANS_STMT_START):
            self.begin()

    def after(self, statement: Statement) -> None:
        """Take note that a statement has run."""
        node = statement.node
        if isinstance(node, pg.TransactionStmt):
            self._transaction_statement(node)
        elif isinstance(node, pg.VariableSetStmt):
            self._set_statement(node)
        elif isinstance(node, pg.DiscardStmt):
            if node.target == pg.DISCARD_ALL:
                self._reset_all()
        elif isinstance(node, pg.SelectStmt):
            for call in nodes.walk_kinds(node, pg.FuncCall):
                self._set_config(call)
        elif isinstance(node, pg.DoStmt):
            self._block(node)

    def _block(self, node: pg.DoStmt) -> None:
        """Follow the settings that a DO block makes whatever happens; what stands in a branch may not run."""
        language, body = body_of(node) or ("", "")
        if language != "plpgsql":
            return
        for piece in embedded_sql(body):
            inner = piece.statement
            if inner is not None and not piece.conditional and inner.kind in ("variable_set_stmt", "select_stmt"):
                self.after(inner)

    def _transaction_statement(self, node: pg.TransactionStmt) -> None:
        if node.kind in (pg.TRANS_STMT_COMMIT, pg.TRANS_STMT_PREPARE):
            self.commit()
        elif node.kind == pg.TRANS_STMT_ROLLBACK:
            self.rollback()
        elif node.kind == pg.TRANS_STMT_SAVEPOINT and self.in_transaction:
            self._savepoints.append((node.savepoint_name, self._state))
        elif node.kind in (pg.TRANS_STMT_ROLLBACK_TO, pg.TRANS_STMT_RELEASE):
            self._leave_savepoint(node.savepoint_name, back=node.kind == pg.TRANS_STMT_ROLLBACK_TO)
        if node.chain:
            self.begin()

    def _leave_savepoint(self, name: str, *, back: bool) -> None:
        for position in range(len(self._savepoints) - 1, -1, -1):
            if self._savepoints[position][0] == name:
                if back:
                    self._state = self._savepoints[position][1]
                    self.failed = False
                # ROLLBACK TO keeps the savepoint itself, RELEASE does not.
                del self._savepoints[position + 1 if back else position :]
                return

    def _set_statement(self, node: pg.VariableSetStmt) -> None:
        name = node.name.lower()
        if node.kind == pg.VAR_RESET_ALL:
            self._reset_all()
        elif node.kind == pg.VAR_RESET:
            self._reset(name, local=False)
        elif node.kind == pg.VAR_SET_DEFAULT:
            self._reset(name, local=node.is_local)
        elif node.kind == pg.VAR_SET_VALUE:
            texts = [_text(argument) for argument in node.args]
            if name in _LISTS_OF_NAMES:
                texts = [_quoted(text) for text in texts]
            self._set(name, ", ".join(texts), local=node.is_local)

    def _set(self, name: str, value: str, *, local: bool) -> None:
        if local:
            if self.in_transaction:
                self._state = replace(self._state, local={**self._state.local, name: value})
            return
        self._state = replace(
            self._state,
            settings={**self._state.settings, name: value},
            local={key: kept for key, kept in self._state.local.items() if key != name},
        )

    def _reset(self, name: str, *, local: bool) -> None:
        default = self._defaults.get(name)
        if local:
            if self.in_transaction:
                self._state = replace(self._state, local={**self._state.local, name: default})
        elif default is not None:
            self._set(name, default, local=False)
        else:
            self._state = replace(
                self._state,
                settings={key: value for key, value in self._state.settings.items() if key != name},
                local={key: value for key, value in self._state.local.items() if key != name},
            )

    def _reset_all(self) -> None:
        self._state = replace(self._state, settings=dict(self._defaults), local={})

    def _set_config(self, call: pg.FuncCall) -> None:
        schema, name = nodes.qualified(call.funcname)
        if name != "set_config" or schema not in (None, "pg_catalog") or len(call.args) != 3:
            return
        setting, value, local = (nodes.value_of(_bare(argument)) for argument in call.args)
        if isinstance(setting, str) and value is not None:
            self._set(setting.lower(), _plain(value), local=nodes.truth(local))


def session_of(settings: Mapping[str, str], *, in_transaction: bool) -> Session:
    """Return the part of these settings that decides what a statement means, as the catalog wants it."""
    session = Session(in_transaction=in_transaction)
    if "search_path" in settings:
        session = replace(session, search_path=tuple(_names(settings["search_path"])))
    if "timezone" in settings:
        session = replace(session, timezone=settings["timezone"])
    if "check_function_bodies" in settings:
        session = replace(session, check_function_bodies=nodes.truth(settings["check_function_bodies"]))
    return session


# PostgreSQL quotes each of several values of these settings (GUC_LIST_QUOTE in guc_tables.c, version 18).
_LISTS_OF_NAMES = frozenset({"search_path", "temp_tablespaces", "local_preload_libraries", "session_preload_libraries"})
_NAME = re.compile(r'"((?:[^"]|"")*)"|([^,\s"]+)')


def _names(text: str) -> Iterator[str]:
    for match in _NAME.finditer(text):
        quoted, plain = match.groups()
        name = quoted.replace('""', '"') if quoted is not None else plain.lower()
        if name not in ("$user", "pg_catalog"):
            yield name


def _quoted(name: str) -> str:
    plain = re.fullmatch(r"[a-z_][a-z0-9_$]*", name)
    return name if plain else '"' + name.replace('"', '""') + '"'


def _bare(node: Any) -> Any:
    """Return an argument without casts around it."""
    inner = nodes.unwrap(node)
    while isinstance(inner, pg.TypeCast):
        inner = nodes.unwrap(inner.arg)
    return inner


def _text(argument: Any) -> str:
    inner = nodes.unwrap(argument)
    if isinstance(inner, pg.TypeCast):  # SET TIME ZONE INTERVAL '-08:00' HOUR TO MINUTE
        inner = _bare(inner)
    return _plain(nodes.value_of(inner))


def _plain(value: object) -> str:
    return ("on" if value else "off") if isinstance(value, bool) else str(value)

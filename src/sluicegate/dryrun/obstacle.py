"""Stand in a statement's way, so that ``pg_locks`` can be read while it waits.

A statement that runs only outside a transaction block commits as it goes: its locks are gone before anyone can look,
and polling misses them when the tables are empty. So another session holds a lock on every table. The statement runs
into it and waits; its request is read from ``pg_locks``; then the session hands over to a new one that stands aside on
that table only, and the statement goes on to its next lock. Nothing depends on timing.
"""

from __future__ import annotations

import contextlib
import threading
import time
from collections import defaultdict
from typing import TYPE_CHECKING

import psycopg
from psycopg import sql

from sluicegate.dryrun.relations import TEMPORARY, read_locks
from sluicegate.effects.model import LockMode
from sluicegate.pg.connect import translated

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from psycopg.rows import TupleRow

    from sluicegate.dryrun.relations import RelationState

_POLL = 0.003  # seconds
_LIMIT = 60.0  # seconds; afterwards the statement runs on without obstacles
_LOCK_TIMEOUT = "2s"
_MATERIALIZED_VIEWS = 30  # a session for each


class Obstacle:
    """Sessions that hold locks on every table of a database, one after the other, and what ran into them.

    Attributes:
        seen: every mode that the watched backend held or asked for, by relation OID.
        complete: False when the obstacles could not be put up or had to be taken away early, so that a short lock
            may have been missed.
    """

    def __init__(
        self,
        backend: psycopg.Connection[TupleRow],
        relations: Mapping[int, RelationState],
        first: LockMode,
        *,
        once: bool = False,
    ) -> None:
        """Prepare the obstacles.

        Args:
            backend: the session whose statement is to be watched.
            relations: what is in the database.
            first: what to hold on a table until the statement was seen there: SHARE, or ROW EXCLUSIVE for a statement
                that asks for SHARE itself.
            once: leave a table alone as soon as the statement was seen there.
        """
        self.seen: defaultdict[int, set[LockMode]] = defaultdict(set)
        self.complete = True
        self._pid = backend.info.backend_pid
        self._target = {**backend.info.get_parameters(), "password": backend.info.password or None}
        self._relations = {
            oid: relation
            for oid, relation in relations.items()
            if relation.kind in "rpm" and relation.schema != TEMPORARY
        }
        self._first, self._once = first, once
        self._stop = threading.Event()
        self._holder: psycopg.Connection[TupleRow] | None = None
        self._comments: dict[int, psycopg.Connection[TupleRow]] = {}

    @contextlib.contextmanager
    def standing(self) -> Iterator[None]:
        """Stand in the backend's way inside the block; its statement must run in there.

        Raises:
            ServerError: a second session could not be opened.
        """
        with translated("watching a statement's locks"), self._connect() as watcher:
            try:
                self._stand_on_materialized_views()
                self._hand_over()
            except BaseException:
                self._let_go()
                raise
            thread = threading.Thread(target=self._watch, args=(watcher,), daemon=True)
            thread.start()
            try:
                yield
            finally:
                self._stop.set()
                thread.join()

    def _connect(self) -> psycopg.Connection[TupleRow]:
        return psycopg.connect(**self._target, autocommit=True, prepare_threshold=None)  # type: ignore[arg-type]

    def _watch(self, watcher: psycopg.Connection[TupleRow]) -> None:
        began = time.monotonic()
        try:
            while not self._stop.is_set():
                blockers = self._blockers(watcher)
                self._look(watcher)
                for oid in [oid for oid, session in self._comments.items() if session.info.backend_pid in blockers]:
                    _close(self._comments.pop(oid))
                if self._holder is not None and self._holder.info.backend_pid in blockers:
                    self._hand_over()
                if time.monotonic() - began > _LIMIT and (self._holder or self._comments):
                    self.complete = False
                    self._let_go()
                self._stop.wait(_POLL)
        except psycopg.Error:
            self.complete = False
        finally:
            # Whatever happened here, the statement must not wait for us any longer.
            self._let_go()

    def _blockers(self, watcher: psycopg.Connection[TupleRow]) -> frozenset[int]:
        row = watcher.execute("SELECT pg_catalog.pg_blocking_pids(%s)", (self._pid,)).fetchone()
        return frozenset(row[0] if row else ())

    def _look(self, watcher: psycopg.Connection[TupleRow]) -> None:
        for oid, modes in read_locks(watcher, self._pid).items():
            self.seen[oid] |= modes

    def _hand_over(self) -> None:
        """Let a new session take its stand before the old one leaves."""
        successor: psycopg.Connection[TupleRow] | None = None
        if self.complete:
            successor = self._connect()
            try:
                successor.execute("BEGIN")
                successor.execute("SELECT pg_catalog.set_config('lock_timeout', %s, true)", (_LOCK_TIMEOUT,))
                self._stand(successor)
            except psycopg.Error:
                # A table that another session has locked, or more tables than the lock table holds.
                self.complete = False
                _close(successor)
                successor = None
        if self._holder is not None:
            _close(self._holder)
        self._holder = successor

    def _stand(self, session: psycopg.Connection[TupleRow]) -> None:
        groups: defaultdict[LockMode, list[sql.Composable]] = defaultdict(list)
        for oid, relation in self._relations.items():
            seen = max(self.seen.get(oid, ()), default=None)
            mode = None if self._once and seen is not None else _beside(seen, self._first)
            if mode is None:
                continue
            name = sql.Identifier(relation.schema, relation.own_name)
            if relation.kind == "m":
                # LOCK TABLE refuses materialized views. Parsing a query on one takes ACCESS SHARE; planning it would
                # lock its indexes too, and then a REINDEX and this hand-over would wait for each other.
                session.execute(sql.SQL("PREPARE {} AS SELECT FROM {}").format(sql.Identifier(f"p{oid}"), name))
            else:
                groups[mode].append(sql.SQL("ONLY {}").format(name))
        for mode, names in groups.items():
            session.execute(
                sql.SQL("LOCK TABLE {} IN {} MODE").format(sql.SQL(", ").join(names), sql.SQL(_WORDS[mode]))
            )

    def _stand_on_materialized_views(self) -> None:
        """Hold SHARE UPDATE EXCLUSIVE on each materialized view; that cannot be handed over, so each has a session."""
        views = [relation for relation in self._relations.values() if relation.kind == "m"]
        self.complete = len(views) <= _MATERIALIZED_VIEWS
        for view in views[:_MATERIALIZED_VIEWS]:
            session = self._comments[view.oid] = self._connect()
            session.execute("BEGIN")
            session.execute("SELECT pg_catalog.set_config('lock_timeout', %s, true)", (_LOCK_TIMEOUT,))
            name = sql.Identifier(view.schema, view.own_name)
            try:
                session.execute(sql.SQL("COMMENT ON MATERIALIZED VIEW {} IS NULL").format(name))
            except psycopg.Error:
                self.complete = False

    def _let_go(self) -> None:
        if self._holder is not None:
            _close(self._holder)
            self._holder = None
        while self._comments:
            _close(self._comments.popitem()[1])


def _close(session: psycopg.Connection[TupleRow]) -> None:
    # The rollback releases the locks now; closing alone would, a moment later.
    with contextlib.suppress(psycopg.Error):
        session.execute("ROLLBACK")
    session.close()


_WORDS = {
    LockMode.AccessShareLock: "ACCESS SHARE",
    LockMode.RowShareLock: "ROW SHARE",
    LockMode.RowExclusiveLock: "ROW EXCLUSIVE",
    LockMode.ShareLock: "SHARE",
}


def _beside(strongest: LockMode | None, first: LockMode) -> LockMode | None:
    """Return the mode to hold on a table: the strongest that lets through what was seen, and stops what is stronger."""
    if strongest is None:
        return first
    if strongest is LockMode.AccessExclusiveLock:
        return None
    if strongest.conflicts_with(LockMode.RowShareLock):
        return LockMode.AccessShareLock
    return first if not strongest.conflicts_with(first) else LockMode.RowShareLock

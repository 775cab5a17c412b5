"""What lint would have said: the prediction for each statement as it is about to run."""

from __future__ import annotations

from dataclasses import replace
from itertools import chain
from typing import TYPE_CHECKING

from sluicegate.catalog.replay.apply import apply_all
from sluicegate.catalog.session import Session
from sluicegate.catalog.timeline import Slip, Timeline, guarded
from sluicegate.effects.model import Certainty, Effects, InTransaction
from sluicegate.effects.predict import predict

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterable, Mapping, Sequence

    import psycopg
    from psycopg.rows import TupleRow

    from sluicegate.catalog.model import Catalog
    from sluicegate.effects.model import LockMode
    from sluicegate.statements.parse import Statement

_SESSION = """
SELECT pg_catalog.current_schemas(false), pg_catalog.current_setting('TimeZone'),
       pg_catalog.current_setting('check_function_bodies')::boolean
"""


class Foresight:
    """Keeps a catalog beside the database and predicts from it.

    The catalog is read from the server once and then follows by replay, as lint's does; where replay cannot follow a
    statement, it is read again.
    """

    def __init__(self, load: Callable[[psycopg.Connection[TupleRow]], Catalog], version: int) -> None:
        """Prepare.

        Args:
            load: reads the catalog of a connection's database, inside its current transaction.
            version: the server's major version.
        """
        self._load, self._version = load, version
        self._catalog: Catalog | None = None
        self._transaction = 1

    def predict(
        self, connection: psycopg.Connection[TupleRow], statements: Sequence[Statement], *, autocommit: bool
    ) -> Effects | None:
        """Predict what statements sent as one text will do; None for a text that cannot be parsed.

        Args:
            connection: where they are going to run.
            statements: the statements.
            autocommit: whether the revision means them to run outside a transaction block.
        """
        if not statements:
            return None
        now = guarded(lambda: self._now(connection))
        if isinstance(now, Slip):  # a slip of ours must not pass for one of the revision
            if connection.closed:
                raise now.error
            return Effects().uncertain(str(now))
        catalog, session = now
        found: list[Effects] = []
        timeline = Timeline(catalog, replace(session, in_transaction=not autocommit))
        for statement in statements:
            effects = predict(statement, timeline.catalog, timeline.session, self._version)
            slip = timeline.advance(statement)
            found.append(effects if slip is None else effects.uncertain(str(slip)))
        known = {str(name) for name in (*catalog.relations, *catalog.indexes)}
        return _together(found, known) if len(found) > 1 else found[0]

    def follow(self, connection: psycopg.Connection[TupleRow], statements: Sequence[Statement]) -> None:
        """Let the catalog follow statements that ran."""
        if not statements:
            self._catalog = None
        if self._catalog is not None:
            catalog, session = self._now(connection)
            after = guarded(lambda: apply_all(statements, catalog, session))
            self._catalog = None if isinstance(after, Slip) else after  # the server knows

    def begin_transaction(self) -> None:
        """Note that another transaction begins: what this one creates is new in it."""
        self._transaction += 1

    def forget(self) -> None:
        """Read the catalog anew before the next prediction: a rollback or an unobserved statement changed it."""
        self._catalog = None

    def _now(self, connection: psycopg.Connection[TupleRow]) -> tuple[Catalog, Session]:
        if self._catalog is None:
            # Undone afterwards: what the reading sets for itself must not stay in the migration's transaction.
            with connection.transaction(force_rollback=True):
                self._catalog = self._load(connection)
        row = connection.execute(_SESSION).fetchone()
        schemas, timezone, checks = row if row is not None else (["public"], "UTC", True)
        return replace(self._catalog, transaction=self._transaction), Session(
            search_path=tuple(schemas),
            timezone=timezone,
            check_function_bodies=checks,
        )


def _together(found: Sequence[Effects], known: Collection[str]) -> Effects:
    """Merge the effects of statements that are sent as one text: the strongest lock, all of the rest.

    Args:
        found: the effects of each.
        known: the relations that were there before the first.
    """
    refused = next((effects for effects in found if effects.error is not None), None)
    if refused is not None:
        return refused  # one rejected statement rejects the whole text
    forbidden = any(effects.in_transaction is InTransaction.FORBIDDEN for effects in found)
    unknown = any(effects.certainty is Certainty.UNKNOWN for effects in found)
    return Effects(
        locks=_strongest([effects.locks for effects in found], known),
        index_locks=_strongest([effects.index_locks for effects in found], known),
        rewrites=frozenset().union(*(effects.rewrites for effects in found)) & frozenset(known),
        scans=frozenset().union(*(effects.scans for effects in found)) & frozenset(known),
        index_builds=frozenset().union(*(effects.index_builds for effects in found)) & frozenset(known),
        in_transaction=InTransaction.FORBIDDEN if forbidden else InTransaction.ALLOWED,
        certainty=Certainty.UNKNOWN if unknown else Certainty.CERTAIN,
        unknowns=tuple(chain.from_iterable(effects.unknowns for effects in found)),
        depends_on_data=tuple(chain.from_iterable(effects.depends_on_data for effects in found)),
        losses=tuple(chain.from_iterable(effects.losses for effects in found)),
        reasons={name: reason for effects in found for name, reason in effects.reasons.items()},
    )


def _strongest(found: Iterable[Mapping[str, LockMode]], known: Collection[str]) -> dict[str, LockMode]:
    strongest: dict[str, LockMode] = {}
    for locks in found:
        for name, mode in locks.items():
            if name in known:
                strongest[name] = max(mode, strongest.get(name, mode))
    return strongest

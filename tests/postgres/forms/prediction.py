"""The prediction for a form: its statements judged in order, as one."""

from __future__ import annotations

import functools
from dataclasses import dataclass, replace

from laboratory import BASE
from rows import Form, Outcome

from sluicegate.catalog.dump import load_script
from sluicegate.catalog.model import Catalog
from sluicegate.catalog.replay import apply
from sluicegate.catalog.session import Session
from sluicegate.catalog.timeline import Timeline
from sluicegate.effects.model import Effects, InTransaction, Refusal
from sluicegate.effects.predict import predict
from sluicegate.errors import ParseError
from sluicegate.statements.parse import Statement, parse_script


@dataclass(frozen=True)
class Prediction:
    """What is expected of a form, and what the expectation is open about."""

    effects: Effects

    def agrees_with(self, form: Form) -> bool:
        """Tell whether the server did this, or something else that the prediction names the rows for."""
        own = Outcome.of(self.effects)
        return own == form.outcome or (bool(self.effects.depends_on_data) and own in form.others)


@functools.cache
def base_catalog(version: int) -> Catalog:
    """Return the base schema on a server version."""
    return load_script(BASE.read_text(), version=version)


def prediction(form: Form) -> Prediction:
    """Predict a form: what its setup leaves, then its statements in one transaction."""
    catalog = base_catalog(form.version)
    for statement in parse_script(form.setup):
        catalog = apply(statement, replace(catalog, transaction=catalog.transaction + 1), Session())
    try:
        statements = parse_script(form.sql)
    except ParseError as error:
        return Prediction(Effects(error=Refusal(error.sqlstate, str(error))))
    return Prediction(_union(statements, catalog, form.version))


def _union(statements: tuple[Statement, ...], catalog: Catalog, version: int) -> Effects:
    timeline = Timeline(catalog, Session())
    timeline.start()
    existing = {str(name) for name in (*catalog.relations, *catalog.indexes)}
    renamed: dict[str, str] = {}
    total = Effects()
    for statement in statements:
        effects = predict(statement, timeline.catalog, timeline.session, version)
        if effects.error is not None:
            forbidden = InTransaction.FORBIDDEN in (total.in_transaction, effects.in_transaction)
            return replace(effects, in_transaction=InTransaction.FORBIDDEN if forbidden else InTransaction.ALLOWED)
        total = _joined(total, effects, existing, renamed)
        before = timeline.catalog
        timeline.advance(statement)
        renamed |= _moved(before, timeline.catalog, renamed)
    return total


def _joined(one: Effects, other: Effects, existing: set[str], renamed: dict[str, str]) -> Effects:
    """Add a statement's effects to those before it, under the names that relations had at first."""
    locks, index_locks = dict(one.locks), dict(one.index_locks)
    for held, added in ((locks, other.locks), (index_locks, other.index_locks)):
        for name, mode in added.items():
            first = renamed.get(name, name)
            if first in existing:
                held[first] = max(mode, held.get(first, mode))
    sets = {
        field: getattr(one, field) | ({renamed.get(n, n) for n in getattr(other, field)} & existing)
        for field in ("rewrites", "scans", "index_builds")
    }
    forbidden = InTransaction.FORBIDDEN in (one.in_transaction, other.in_transaction)
    return replace(
        one,
        locks=locks,
        index_locks=index_locks,
        in_transaction=InTransaction.FORBIDDEN if forbidden else InTransaction.ALLOWED,
        depends_on_data=(*one.depends_on_data, *other.depends_on_data),
        unknowns=(*one.unknowns, *other.unknowns),
        **sets,
    )


def _moved(before: Catalog, after: Catalog, renamed: dict[str, str]) -> dict[str, str]:
    """Return the first name of a relation or index that a statement renamed or moved."""
    gone = [str(name) for name in (*before.relations, *before.indexes) if not _has(after, name)]
    came = [str(name) for name in (*after.relations, *after.indexes) if not _has(before, name)]
    if len(gone) == len(came) == 1:
        return {came[0]: renamed.get(gone[0], gone[0])}
    return {}


def _has(catalog: Catalog, name: object) -> bool:
    return name in catalog.relations or name in catalog.indexes

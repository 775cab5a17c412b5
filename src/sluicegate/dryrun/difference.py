"""Two states of a database ─▶ what happened between them."""

from __future__ import annotations

from typing import TYPE_CHECKING

from sluicegate.dryrun.relations import INDEX_KINDS, TABLE_FILES, State
from sluicegate.effects.model import Effects, LockMode

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from sluicegate.statements.parse import Statement


def held(state: State) -> dict[str, frozenset[LockMode]]:
    """Return the modes that a transaction holds on named relations."""
    return {state.relations[oid].name: modes for oid, modes in state.locks.items() if oid in state.relations}


def invalid_indexes(before: State, after: State) -> tuple[str, ...]:
    """Return the indexes that are invalid now and were not before."""
    return tuple(
        sorted(
            relation.name
            for relation in after.relations.values()
            if not relation.valid and (relation.oid not in before.relations or before.relations[relation.oid].valid)
        )
    )


def difference(
    before: State,
    after: State,
    statements: Sequence[Statement],
    *,
    validated: Iterable[tuple[int, int]] = (),
    reasons: Mapping[int, str] | None = None,
) -> Effects:
    """Say what happened between two states.

    Args:
        before: the state before the statement; only relations in it are reported, under the names they have there.
        after: the state after it, in the same transaction.
        statements: what ran, to tell emptying a table from rewriting it.
        validated: referencing and referenced table of each foreign key whose rows were checked.
        reasons: why tables were rewritten, by OID.
    """
    old = before.relations
    rewritten = {
        oid
        for oid, relation in old.items()
        if relation.kind in TABLE_FILES and oid in after.relations and after.relations[oid].file != relation.file
    }
    old_files = before.index_files()
    built = {
        relation.table
        for relation in after.relations.values()
        if relation.kind in INDEX_KINDS and relation.file and relation.file not in old_files and relation.table in old
    }
    scanned = {
        oid
        for oid, (sequential, by_index) in after.scans.items()
        if oid in old
        and (
            sequential > before.scans.get(oid, (0, 0))[0]
            or (oid in rewritten and by_index > before.scans.get(oid, (0, 0))[1])
        )
    }
    if empties(statements):
        scanned -= rewritten
    for pair in validated:
        scanned |= {leaf for oid in pair for leaf in after.leaves(oid) if leaf in old}
    locks: dict[str, LockMode] = {}
    index_locks: dict[str, LockMode] = {}
    for oid, modes in after.locks.items():
        new = modes - before.locks.get(oid, frozenset())
        if new and oid in old:
            target = index_locks if old[oid].kind in INDEX_KINDS else locks
            target[old[oid].name] = max(new)
    return Effects(
        locks=locks,
        index_locks=index_locks,
        rewrites=frozenset(old[oid].name for oid in rewritten),
        scans=frozenset(old[oid].name for oid in scanned),
        index_builds=frozenset(old[oid].name for oid in built if oid is not None),
        reasons={old[oid].name: reason for oid, reason in (reasons or {}).items() if oid in old},
    )


def empties(statements: Sequence[Statement]) -> bool:
    """Tell whether the statements give tables new, empty files: rebuilding their indexes reads nothing then."""
    return any(
        statement.kind == "truncate_stmt"
        or (statement.kind == "refresh_mat_view_stmt" and bool(statement.node.skip_data))
        for statement in statements
    )

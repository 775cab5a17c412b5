"""What statements say of tables that no schema was given for: a CHECK added and validated, a policy."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

from postgast import pg_query_pb2 as pg

from sluicegate.catalog.model import ConstraintKind, Name, Relation, RelationKind
from sluicegate.catalog.replay.draft import Draft
from sluicegate.statements.nodes import qualified

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator


def note_mention(draft: Draft, node: Any, replay: Callable[[Draft, Any], object]) -> None:
    """Keep what a statement says of a table that is not there, or forget what is no longer so.

    Args:
        draft: a catalog that is not complete, before the statement.
        node: the statement.
        replay: replays the statement, over a table that says only what was mentioned before.
    """
    for name in _ended(draft, node):
        _put(draft, name, None)
    if isinstance(node, pg.AlterTableStmt):
        target = node.relation if node.objtype == pg.OBJECT_TABLE else None
    else:
        target = node.table if isinstance(node, pg.CreatePolicyStmt) else None
    if target is None or draft.relation(target) is not None or draft.index(target) is not None:
        return
    name = draft.new_name(target)
    known = draft.catalog.mentioned.get(name, Relation(name, RelationKind.TABLE, {}))
    scratch = Draft(draft.catalog.with_relation(known), draft.session)
    try:
        replay(scratch, node)
    except (KeyError, AttributeError, ValueError):
        # It needs more of the table than is known; what was known may not hold after it.
        _put(draft, name, None)
        return
    after = scratch.catalog.relations.get(name)
    _put(draft, name, None if after is None else _what_counts(after))


def _what_counts(relation: Relation) -> Relation | None:
    """Leave out what is known in part only: no column tells its type, no key has its index."""
    checks = {n: c for n, c in relation.constraints.items() if c.kind is ConstraintKind.CHECK}
    if not checks and not relation.policies:
        return None
    return Relation(relation.name, RelationKind.TABLE, {}, constraints=checks, policies=relation.policies)


def _ended(draft: Draft, node: Any) -> Iterator[Name]:
    """Yield the tables that a statement makes, drops, moves or changes the names of."""
    match node:
        case pg.CreateStmt() | pg.RenameStmt() | pg.AlterObjectSchemaStmt() if node.relation.relname:
            # A constraint's new name does not change what it proves, but VALIDATE would no longer find it.
            yield draft.new_name(node.relation)
        case pg.DropStmt() if node.remove_type == pg.OBJECT_TABLE:
            for item in node.objects:
                schema, base = qualified(item)
                yield Name(schema or draft.creation_schema, base)


def _put(draft: Draft, name: Name, relation: Relation | None) -> None:
    if relation is None and name not in draft.catalog.mentioned:
        return
    kept = {key: value for key, value in draft.catalog.mentioned.items() if key != name}
    draft.catalog = replace(draft.catalog, mentioned=kept if relation is None else {**kept, name: relation})

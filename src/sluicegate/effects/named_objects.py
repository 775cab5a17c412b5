"""What a statement such as ALTER … RENAME names: a relation, index, type or statistics object that must be there."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from postgast import pg_query_pb2 as pg

from sluicegate.catalog.model import Index, Relation, RelationKind, SqlType
from sluicegate.catalog.types import display, find_type
from sluicegate.effects.alter_table import refuse_other_kind
from sluicegate.effects.context import Refused
from sluicegate.effects.model import LockMode
from sluicegate.statements.nodes import qualified, strings, unwrap

if TYPE_CHECKING:
    from sluicegate.catalog.model import UserType
    from sluicegate.effects.context import Context

RELATIONS = frozenset(
    {
        *(pg.OBJECT_TABLE, pg.OBJECT_VIEW, pg.OBJECT_MATVIEW),
        *(pg.OBJECT_SEQUENCE, pg.OBJECT_FOREIGN_TABLE, pg.OBJECT_INDEX),
    }
)
FUNCTIONS = frozenset({pg.OBJECT_FUNCTION, pg.OBJECT_PROCEDURE, pg.OBJECT_ROUTINE, pg.OBJECT_AGGREGATE})
TYPES = frozenset({pg.OBJECT_TYPE, pg.OBJECT_DOMAIN})
_AX = LockMode.AccessExclusiveLock


def find_target(context: Context, node: Any, objtype: int) -> Relation | Index | None:
    """Return the relation or index a statement names; None when it is absent and may be."""
    found = context.relation_or_index(node.relation)
    if found is None and context.is_system(node.relation):
        raise Refused("42501", f'permission denied: "{node.relation.relname}" is a system catalog')
    if found is None:
        if node.missing_ok:
            return None
        context.missing(node.relation)
    if isinstance(found, Relation):
        refuse_other_kind(found, objtype)
    return found


def require_renamed_type(context: Context, node: Any, kind: int) -> UserType | None:
    """Return the user's type a statement names; None when it is built in, which only a superuser may touch."""
    names = unwrap(node.object).items if isinstance(unwrap(node.object), pg.List) else unwrap(node.object).names
    found = context.user_type(qualified(names))
    if found is None:
        other = find_type(pg.TypeName(names=list(names)), context.catalog, context.search_path)
        if other is None:
            context.absent("42704", f'type "{".".join(strings(names))}" does not exist')
        if other.array:
            raise Refused("42809", f"cannot alter array type {display(other)}")
        if other.name in context.catalog.relations:
            raise Refused("42809", f"{display(other)} is a table's row type")
        return None
    if kind == pg.OBJECT_DOMAIN and found.base is None:
        raise Refused("42809", f"{display(SqlType(found.name))} is not a domain")
    return found


def lock_composite(context: Context, found: UserType) -> None:
    """Note the lock on the relation behind a composite type."""
    relation = context.catalog.relations.get(found.name)
    if relation is not None and relation.kind is RelationKind.COMPOSITE:
        context.builder.lock(relation, _AX)


def require_statistics(context: Context, names: tuple[str, ...]) -> None:
    """Refuse a statistics object that does not exist."""
    if not any(names[-1] in relation.statistics for relation in context.catalog.relations.values()):
        context.absent("42704", f'statistics object "{".".join(names)}" does not exist')

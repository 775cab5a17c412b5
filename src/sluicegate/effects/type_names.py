"""Names of types in statements about types: free for a new one, meaning the right sort of type for an old one."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from postgast import pg_query_pb2 as pg

from sluicegate.catalog.model import Name, RelationKind, SqlType, TypeKind, UserType
from sluicegate.catalog.naming import clip
from sluicegate.catalog.types import display, find_type
from sluicegate.effects.context import Refused
from sluicegate.statements.nodes import qualified, strings

if TYPE_CHECKING:
    from sluicegate.effects.context import Context


def refuse_taken_type(context: Context, name: Name) -> None:
    """Refuse a type's name that a type, or a table's row type, has in the same schema."""
    relation = context.catalog.relations.get(name)
    has_row_type = relation is not None and relation.kind is not RelationKind.SEQUENCE
    if name in context.catalog.types or has_row_type:
        raise Refused("42710", f'type "{name.name}" already exists')


def new_type_name(context: Context, names: Any) -> Name:
    """Return the full name of a type about to be created; refuse one that is taken."""
    schema, base = qualified(names)
    if schema is not None and schema not in context.catalog.schemas:
        context.absent("3F000", f'schema "{schema}" does not exist')
    name = Name(schema or context.creation_schema, clip(base))
    refuse_taken_type(context, name)
    return name


def require_user_type(context: Context, names: Any, kind: TypeKind, word: str) -> UserType:
    """Return the user's type of a kind that a name means; ``word`` is the server's word for the kind, with article."""
    schema, base = qualified(names)
    found = context.user_type((schema, base))
    if found is None:
        type_name = pg.TypeName(names=list(names))
        other = find_type(type_name, context.catalog, context.search_path)
        if other is None:
            context.absent("42704", f'type "{".".join(strings(names))}" does not exist')
        raise Refused("42809", f"{display(other)} is not {word}")
    if found.kind is not kind:
        raise Refused("42809", f"{display(SqlType(found.name))} is not {word}")
    return found

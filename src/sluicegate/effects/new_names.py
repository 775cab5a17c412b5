"""Names of relations about to be created: the schema they land in, and what has the name already."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from sluicegate.catalog.model import Name
from sluicegate.catalog.naming import clip
from sluicegate.effects.context import Refused
from sluicegate.statements.nodes import qualified

if TYPE_CHECKING:
    from sluicegate.effects.context import Context

_TEMPORARY = "pg_temp"


def target_name(context: Context, name: Any) -> Name:
    """Return the full name of a relation to create (``RangeVarGetCreationNamespace`` in PostgreSQL's namespace.c).

    Raises:
        Refused: its schema does not exist (3F000), or a temporary relation is put into an ordinary one (42P16).
    """
    schema, base = qualified(name)
    if getattr(name, "relpersistence", "p") == "t":
        if schema and not schema.startswith(_TEMPORARY):
            raise Refused("42P16", "cannot create temporary relation in non-temporary schema")
        return Name(_TEMPORARY, clip(base))
    if schema and schema.startswith(_TEMPORARY):
        return Name(_TEMPORARY, clip(base))
    if schema in {"pg_catalog", "information_schema"}:
        if schema == "pg_catalog":
            raise Refused("42501", f'permission denied to create "pg_catalog.{base}"')
        return Name(schema, clip(base))
    if schema and schema not in context.catalog.schemas:
        context.absent("3F000", f'schema "{schema}" does not exist')
    return Name(schema or context.creation_schema, clip(base))


def refuse_taken(context: Context, name: Name, *, is_sequence: bool = False) -> None:
    """Refuse a name that a relation, an index or a type of the schema has.

    Raises:
        Refused: 42P07, or 42710 for a type, whose name a table's row type needs.
    """
    if name in context.catalog.relations or name in context.catalog.indexes:
        raise Refused("42P07", f'relation "{name.name}" already exists')
    if name in context.catalog.types and not is_sequence:
        raise Refused("42710", f'type "{name.name}" already exists')

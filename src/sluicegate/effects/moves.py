"""ALTER … SET SCHEMA and OWNER TO."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from postgast import pg_query_pb2 as pg

from sluicegate.catalog.model import Index, Name
from sluicegate.effects.context import Refused
from sluicegate.effects.model import LockMode
from sluicegate.effects.named_objects import (
    FUNCTIONS,
    RELATIONS,
    TYPES,
    find_target,
    lock_composite,
    require_renamed_type,
    require_statistics,
)
from sluicegate.effects.objects import find_function, require_object
from sluicegate.effects.table_options import SUPERUSER
from sluicegate.statements.nodes import string, strings, unwrap

if TYPE_CHECKING:
    from sluicegate.effects.context import Context

_AX = LockMode.AccessExclusiveLock


# -- SET SCHEMA ------------------------------------------------------------------------------------------------------


def set_schema(context: Context, node: Any) -> None:
    """Note what ALTER … SET SCHEMA does."""
    kind, schema = node.object_type, node.newschema
    if kind in RELATIONS:
        _move_relation(context, node, schema)
        return
    if kind in TYPES:
        found = require_renamed_type(context, node, kind)
        _require_schema(context, schema)
        if found is not None and found.name.schema != schema:
            full = Name(schema, found.name.name)
            if full in context.catalog.types or full in context.catalog.relations:
                raise Refused("42710", f'type "{full.name}" already exists in schema "{schema}"')
        return
    if kind in FUNCTIONS:
        find_function(context, node.object, kind)
    elif kind == pg.OBJECT_EXTENSION:
        if string(node.object) not in context.catalog.extensions:
            context.absent("42704", f'extension "{string(node.object)}" does not exist')
    elif kind == pg.OBJECT_STATISTIC_EXT:
        require_statistics(context, strings(unwrap(node.object).items))
    else:
        require_object(context, kind, node.object)
    _require_schema(context, schema)


def _require_schema(context: Context, schema: str) -> None:
    if schema in {"pg_temp", "pg_toast"}:
        where = "temporary schemas" if schema == "pg_temp" else "TOAST schema"
        raise Refused("0A000", f"cannot move objects into or out of {where}")
    if schema not in context.catalog.schemas and schema not in {"pg_catalog", "information_schema"}:
        context.absent("3F000", f'schema "{schema}" does not exist')


def _move_relation(context: Context, node: Any, schema: str) -> None:
    found = find_target(context, node, node.object_type)
    if found is None:
        return
    if isinstance(found, Index):
        raise Refused("42809", f'cannot change schema of index "{found.name.name}"')
    context.builder.lock(found, _AX)
    if found.owned_by is not None:
        raise Refused("0A000", "cannot move an owned sequence into another schema")
    _require_schema(context, schema)
    full = Name(schema, found.name.name)
    if full != found.name:
        if full in context.catalog.relations or full in context.catalog.indexes:
            raise Refused("42P07", f'relation "{full.name}" already exists in schema "{schema}"')
        if full in context.catalog.types:
            raise Refused("42710", f'type "{full.name}" already exists in schema "{schema}"')
    for sequence in context.catalog.relations.values():
        if sequence.owned_by is not None and sequence.owned_by[0] == found.name:
            context.builder.lock(sequence, _AX)


# -- OWNER -----------------------------------------------------------------------------------------------------------


def set_owner(context: Context, node: Any) -> None:
    """Note what ALTER … OWNER TO does, of things that ALTER TABLE does not reach."""
    kind = node.object_type
    if kind in TYPES:
        found = require_renamed_type(context, node, kind)
        if found is not None and not _keeps_owner(node.newowner):
            lock_composite(context, found)
    elif kind in FUNCTIONS:
        find_function(context, node.object, kind)
    elif kind == pg.OBJECT_SCHEMA:
        if string(node.object) not in context.catalog.schemas:
            context.absent("3F000", f'schema "{string(node.object)}" does not exist')
    elif kind == pg.OBJECT_STATISTIC_EXT:
        require_statistics(context, strings(unwrap(node.object).items))
    elif kind != pg.OBJECT_LARGEOBJECT:
        require_object(context, kind, node.object)
    if not _keeps_owner(node.newowner):
        context.builder.depends(f"fails if the role {node.newowner.rolename} does not exist")


def _keeps_owner(role: Any) -> bool:
    return role.roletype != pg.ROLESPEC_CSTRING or bool(role.rolename == SUPERUSER)

"""CREATE and ALTER of domains, enums, composite and range types; only a domain's new constraint touches tables."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from postgast import pg_query_pb2 as pg

from sluicegate.catalog.model import Name, SqlType, TypeKind
from sluicegate.catalog.naming import clip
from sluicegate.catalog.type_facts import type_facts
from sluicegate.catalog.types import display, find_type
from sluicegate.effects.column_definitions import require_column_type
from sluicegate.effects.context import Refused
from sluicegate.effects.domains import alter_domain, create_domain
from sluicegate.effects.type_names import new_type_name, refuse_taken_type, require_user_type
from sluicegate.statements.nodes import qualified, strings, unwrap

if TYPE_CHECKING:
    from sluicegate.effects.context import Context
    from sluicegate.effects.model import Effects

_LABEL = 63  # NAMEDATALEN - 1: bytes of an enum label
_RANGE_ATTRIBUTES = frozenset(
    {"subtype", "subtype_opclass", "collation", "canonical", "subtype_diff", "multirange_type_name"}
)


def predict_domains_enums(context: Context, node: Any) -> Effects:
    """Predict a statement about types."""
    match node:
        case pg.CreateDomainStmt():
            create_domain(context, node)
        case pg.AlterDomainStmt():
            alter_domain(context, node)
        case pg.CreateEnumStmt():
            _create_enum(context, node)
        case pg.AlterEnumStmt():
            _alter_enum(context, node)
        case pg.CompositeTypeStmt():
            _create_composite(context, node)
        case pg.CreateRangeStmt():
            _create_range(context, node)
        case pg.AlterTypeStmt():
            _alter_base(context, node)
    return context.builder.finish()


# -- enums -----------------------------------------------------------------------------------------------------------


def _create_enum(context: Context, node: Any) -> None:
    new_type_name(context, node.type_name)
    values = strings(node.vals)
    for value in values:
        _refuse_label(value)
        if values.count(value) > 1:
            raise Refused("23505", 'duplicate key value violates unique constraint "pg_enum_typid_label_index"')


def _refuse_label(value: str) -> None:
    if len(value.encode()) > _LABEL:
        raise Refused("42602", f'invalid enum label "{value}"')


def _alter_enum(context: Context, node: Any) -> None:
    found = require_user_type(context, node.type_name, TypeKind.ENUM, "an enum")
    if node.old_val:
        if node.old_val not in found.values:
            raise Refused("22023", f'"{node.old_val}" is not an existing enum label')
        if node.new_val in found.values:
            raise Refused("42710", f'enum label "{node.new_val}" already exists')
        _refuse_label(node.new_val)
        return
    _refuse_label(node.new_val)
    if node.new_val in found.values:
        if not node.skip_if_new_val_exists:
            raise Refused("42710", f'enum label "{node.new_val}" already exists')
        return
    if node.new_val_neighbor and node.new_val_neighbor not in found.values:
        raise Refused("22023", f'"{node.new_val_neighbor}" is not an existing enum label')


# -- composite and range types -----------------------------------------------------------------------------------------


def _create_composite(context: Context, node: Any) -> None:
    schema, base = node.typevar.schemaname or None, node.typevar.relname
    if schema is not None and schema not in context.catalog.schemas:
        context.absent("3F000", f'schema "{schema}" does not exist')
    name = Name(schema or context.creation_schema, clip(base))
    seen: set[str] = set()
    for item in node.coldeflist:
        column = item.column_def
        if column.colname in seen:
            raise Refused("42701", f'column "{column.colname}" specified more than once')
        seen.add(column.colname)
    refuse_taken_type(context, name)
    if name in context.catalog.relations or name in context.catalog.indexes:
        raise Refused("42P07", f'relation "{name.name}" already exists')
    for item in node.coldeflist:
        require_column_type(context, item.column_def.type_name, item.column_def.colname)


def _create_range(context: Context, node: Any) -> None:
    new_type_name(context, node.type_name)
    subtype = None
    for item in node.params:
        element = item.def_elem
        if element.defname not in _RANGE_ATTRIBUTES:
            raise Refused("42601", f'type attribute "{element.defname}" not recognized')
        if element.defname == "subtype":
            subtype = context.require_type(unwrap(element.arg))
    if subtype is None:
        raise Refused("42601", 'type attribute "subtype" is required')
    if type_facts(subtype, context.catalog).pseudo:
        raise Refused("42804", f"range subtype cannot be {display(subtype)}")


def _alter_base(context: Context, node: Any) -> None:
    schema, base = qualified(node.type_name)
    found = context.user_type((schema, base))
    other = find_type(pg.TypeName(names=list(node.type_name)), context.catalog, context.search_path)
    if found is None and other is None:
        context.absent("42704", f'type "{".".join(strings(node.type_name))}" does not exist')
    if found is not None and found.kind is not TypeKind.BASE:
        raise Refused("42809", f"{display(SqlType(found.name))} is not a base type")

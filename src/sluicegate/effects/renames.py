"""ALTER … RENAME: of relations, columns, constraints, types and what hangs on tables.

Source: PostgreSQL's ``RenameRelation``, ``renameatt`` and ``rename_constraint_internal`` in commands/tablecmds.c.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from postgast import pg_query_pb2 as pg

from sluicegate.catalog.model import ConstraintKind, Index, Name, Relation, RelationKind, SqlType
from sluicegate.catalog.naming import clip
from sluicegate.catalog.types import display
from sluicegate.effects.alteration import SYSTEM_COLUMNS
from sluicegate.effects.context import Refused
from sluicegate.effects.model import LockMode
from sluicegate.effects.moves import set_owner, set_schema
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
from sluicegate.statements.nodes import strings, unwrap

if TYPE_CHECKING:
    from collections.abc import Mapping

    from sluicegate.effects.context import Context
    from sluicegate.effects.model import Effects

_AX, _SUX = LockMode.AccessExclusiveLock, LockMode.ShareUpdateExclusiveLock
_PARTS = {
    pg.OBJECT_TRIGGER: ("trigger", "table"),
    pg.OBJECT_POLICY: ("policy", "table"),
    pg.OBJECT_RULE: ("rule", "relation"),
}
_HAS_ROW_TYPE = frozenset(RelationKind) - {RelationKind.SEQUENCE}


def predict_renames(context: Context, node: Any) -> Effects:
    """Predict a ``RenameStmt``, ``AlterObjectSchemaStmt`` or ``AlterOwnerStmt``."""
    match node:
        case pg.RenameStmt():
            _rename(context, node)
        case pg.AlterObjectSchemaStmt():
            set_schema(context, node)
        case _:
            set_owner(context, node)
    return context.builder.finish()


# -- RENAME ----------------------------------------------------------------------------------------------------------


def _rename(context: Context, node: Any) -> None:
    kind, new = node.rename_type, clip(node.newname)
    if kind in RELATIONS:
        _rename_relation(context, node, new)
    elif kind in {pg.OBJECT_COLUMN, pg.OBJECT_ATTRIBUTE}:
        _rename_column(context, node, new)
    elif kind == pg.OBJECT_TABCONSTRAINT:
        _rename_constraint(context, node, new)
    elif kind in _PARTS:
        _rename_part(context, node, new)
    elif kind in TYPES:
        _rename_type(context, node, new)
    elif kind == pg.OBJECT_DOMCONSTRAINT:
        _rename_domain_constraint(context, node, new)
    elif kind in FUNCTIONS:
        _rename_function(context, node, new)
    elif kind == pg.OBJECT_SCHEMA:
        if node.subname not in context.catalog.schemas:
            context.absent("3F000", f'schema "{node.subname}" does not exist')
        if new in context.catalog.schemas:
            raise Refused("42P06", f'schema "{new}" already exists')
        if new.startswith("pg_"):
            raise Refused("42939", f'unacceptable schema name "{new}"')
    elif kind == pg.OBJECT_STATISTIC_EXT:
        require_statistics(context, strings(unwrap(node.object).items))
    elif node.HasField("object"):
        require_object(context, kind, node.object)


def _rename_function(context: Context, node: Any, new: str) -> None:
    found = find_function(context, node.object, node.rename_type)
    if found is None:
        return
    for other in context.catalog.functions.get(Name(found.name.schema, new), ()):
        if other.argument_types == found.argument_types:
            raise Refused("42723", f'function {new} already exists in schema "{found.name.schema}"')


def _rename_relation(context: Context, node: Any, new: str) -> None:
    found = find_target(context, node, node.rename_type)
    if found is None:
        return
    # ALTER INDEX is gentle, ALTER TABLE on an index is not, and ALTER INDEX on a table behaves like ALTER TABLE.
    gentle = isinstance(found, Index) and node.rename_type == pg.OBJECT_INDEX
    context.builder.lock(found, _SUX if gentle else _AX)
    full = Name(found.name.schema, new)
    if full in context.catalog.relations or full in context.catalog.indexes:
        raise Refused("42P07", f'relation "{new}" already exists')
    if isinstance(found, Relation) and found.kind in _HAS_ROW_TYPE and full in context.catalog.types:
        raise Refused("42710", f'type "{new}" already exists')


def _rename_column(context: Context, node: Any, new: str) -> None:
    objtype = pg.OBJECT_TYPE if node.rename_type == pg.OBJECT_ATTRIBUTE else node.relation_type
    found = context.relation_or_index(node.relation)
    if isinstance(found, Index):
        _rename_index_column(context, found, node.subname)
        return
    if not (isinstance(found, Relation) and found.kind is RelationKind.COMPOSITE):
        found = find_target(context, node, objtype)
    if not isinstance(found, Relation):
        return
    old = node.subname
    _refuse_rename_within(found)
    context.builder.lock(found, _AX)
    if not node.relation.inh and context.catalog.children_of(found.name):
        raise Refused("42P16", f'inherited column "{old}" must be renamed in child tables too')
    family = (found, *context.catalog.descendants_of(found.name)) if node.relation.inh else (found,)
    for member in family:
        context.builder.lock(member, _AX)
    _rename_typed(context, found, node)
    if old not in found.columns:
        if old in SYSTEM_COLUMNS and found.kind is not RelationKind.VIEW:
            raise Refused("0A000", f'cannot rename system column "{old}"')
        context.absent("42703", f'column "{old}" does not exist')
    if found.columns[old].inherited:
        raise Refused("42P16", f'cannot rename inherited column "{old}"')
    for member in family:
        if new in member.columns:
            raise Refused("42701", f'column "{new}" of relation "{member.name.name}" already exists')
    if new in SYSTEM_COLUMNS and found.kind is not RelationKind.VIEW:
        raise Refused("42701", f'column name "{new}" conflicts with a system column name')


def _refuse_rename_within(found: Relation) -> None:
    """Refuse what has no columns of its own to rename; the server asks this for constraints too."""
    if found.kind is RelationKind.SEQUENCE:
        raise Refused("42809", f'cannot rename columns of relation "{found.name.name}"')
    if found.of_type is not None:
        raise Refused("42809", "cannot rename column of typed table")


def _rename_index_column(context: Context, index: Index, old: str) -> None:
    """Note the rename of an index's column, which the server allows although nothing shows it."""
    if old not in {*(key.column for key in index.keys), *index.included} and not any(k.expression for k in index.keys):
        context.absent("42703", f'column "{old}" does not exist')
    context.builder.lock(index, _AX)


def _rename_typed(context: Context, found: Relation, node: Any) -> None:
    """Note the tables that follow a composite type."""
    typed = [other for other in context.catalog.relations.values() if other.of_type == found.name]
    if typed and node.behavior != pg.DROP_CASCADE:
        raise Refused("2BP01", f'cannot alter type "{found.name.name}" because it is the type of a typed table')
    for other in typed:
        context.builder.lock(other, _AX)


def _rename_constraint(context: Context, node: Any, new: str) -> None:
    found = find_target(context, node, pg.OBJECT_TABLE)
    if found is None:
        return
    if isinstance(found, Index):
        raise Refused("42809", f'"{found.name.name}" is not a table')
    old, name = node.subname, found.name.name
    _refuse_rename_within(found)
    context.builder.lock(found, _AX)
    constraint = found.constraints.get(old)
    if constraint is None:
        context.absent("42704", f'constraint "{old}" for table "{name}" does not exist')
    inherits = constraint.kind in {ConstraintKind.CHECK, ConstraintKind.NOT_NULL} and not constraint.no_inherit
    if inherits and constraint.inherited:
        raise Refused("42P16", f'cannot rename inherited constraint "{old}"')
    if inherits:
        if not node.relation.inh and context.catalog.children_of(found.name):
            raise Refused("42P16", f'inherited constraint "{old}" must be renamed in child tables too')
        for member in context.catalog.descendants_of(found.name):
            context.builder.lock(member, _AX)
    full = Name(found.name.schema, new)
    if constraint.index is not None:
        context.builder.lock_index(constraint.index, _SUX)
        if full in context.catalog.relations or full in context.catalog.indexes:
            raise Refused("42P07", f'relation "{new}" already exists')
    if new in found.constraints:
        raise Refused("42710", f'constraint "{new}" for relation "{name}" already exists')


def _rename_part(context: Context, node: Any, new: str) -> None:
    word, place = _PARTS[node.rename_type]
    found = find_target(context, node, pg.OBJECT_TABLE)
    if not isinstance(found, Relation):
        return
    context.builder.lock(found, _AX)
    parts: Mapping[str, Any] = {
        pg.OBJECT_TRIGGER: found.triggers,
        pg.OBJECT_POLICY: found.policies,
        pg.OBJECT_RULE: dict.fromkeys(found.rules),
    }[node.rename_type]
    if new in parts and not (new == node.subname and node.rename_type == pg.OBJECT_TRIGGER):
        raise Refused("42710", f'{word} "{new}" for {place} "{found.name.name}" already exists')
    if _is_view_rule(node, found):
        raise Refused("42P17", "renaming an ON SELECT rule is not allowed")
    if node.subname not in parts:
        context.absent("42704", f'{word} "{node.subname}" for {place} "{found.name.name}" does not exist')
    if node.rename_type == pg.OBJECT_TRIGGER:
        _lock_trigger_clones(context, found, node.subname)


def _is_view_rule(node: Any, found: Relation) -> bool:
    """Tell whether a statement renames the rule that makes a view a view."""
    return bool(node.rename_type == pg.OBJECT_RULE and node.subname == "_RETURN" and found.query is not None)


def _lock_trigger_clones(context: Context, found: Relation, name: str) -> None:
    parent = context.catalog.relations.get(found.parents[0]) if found.bound is not None and found.parents else None
    if parent is not None and name in parent.triggers and found.triggers[name].for_each_row:
        state = "0A000" if context.version >= 17 else "XX000"
        raise Refused(state, f'cannot rename trigger "{name}" on table "{found.name.name}"')
    if found.kind is RelationKind.PARTITIONED and found.triggers[name].for_each_row:
        for member in context.catalog.descendants_of(found.name):
            context.builder.lock(member, _AX)


def _rename_type(context: Context, node: Any, new: str) -> None:
    found = require_renamed_type(context, node, node.rename_type)
    if found is None:
        return
    lock_composite(context, found)
    full = Name(found.name.schema, new)
    relation = context.catalog.relations.get(full)
    if full in context.catalog.types or (relation is not None and relation.kind in _HAS_ROW_TYPE):
        raise Refused("42710", f'type "{new}" already exists')


def _rename_domain_constraint(context: Context, node: Any, new: str) -> None:
    found = require_renamed_type(context, node, pg.OBJECT_DOMAIN)
    if found is None:
        return
    shown = display(SqlType(found.name))
    if node.subname not in found.constraints:
        context.absent("42704", f'constraint "{node.subname}" for domain {shown} does not exist')
    if new in found.constraints:
        raise Refused("42710", f'constraint "{new}" for domain {shown} already exists')

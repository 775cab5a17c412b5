"""ALTER … RENAME TO, SET SCHEMA and OWNER TO of things that are not renamed by ALTER TABLE's own machinery.

Source: PostgreSQL's commands/alter.c, ``RenameRelation``, ``renameatt`` and ``rename_constraint_internal`` in tablecmds.c.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from postgast import pg_query_pb2 as pg

from sluicegate.catalog.model import ConstraintKind, Index, Name, Relation, RelationKind, SqlType
from sluicegate.catalog.naming import clip
from sluicegate.catalog.types import display, find_type
from sluicegate.effects.alter_table import refuse_other_kind
from sluicegate.effects.alteration import SYSTEM_COLUMNS
from sluicegate.effects.context import Refused
from sluicegate.effects.model import LockMode
from sluicegate.effects.objects import find_function, require_object
from sluicegate.statements.nodes import qualified, string, strings, unwrap

if TYPE_CHECKING:
    from collections.abc import Mapping

    from sluicegate.catalog.model import UserType
    from sluicegate.effects.context import Context
    from sluicegate.effects.model import Effects

_AX, _SUX = LockMode.AccessExclusiveLock, LockMode.ShareUpdateExclusiveLock
_RELATIONS = frozenset(
    {
        *(pg.OBJECT_TABLE, pg.OBJECT_VIEW, pg.OBJECT_MATVIEW),
        *(pg.OBJECT_SEQUENCE, pg.OBJECT_FOREIGN_TABLE, pg.OBJECT_INDEX),
    }
)
_FUNCTIONS = frozenset({pg.OBJECT_FUNCTION, pg.OBJECT_PROCEDURE, pg.OBJECT_ROUTINE, pg.OBJECT_AGGREGATE})
_TYPES = frozenset({pg.OBJECT_TYPE, pg.OBJECT_DOMAIN})
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
            _set_schema(context, node)
        case _:
            _set_owner(context, node)
    return context.builder.finish()


def _target(context: Context, node: Any, objtype: int) -> Relation | Index | None:
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


# -- RENAME ----------------------------------------------------------------------------------------------------------


def _rename(context: Context, node: Any) -> None:
    kind, new = node.rename_type, clip(node.newname)
    if kind in _RELATIONS:
        _rename_relation(context, node, new)
    elif kind in {pg.OBJECT_COLUMN, pg.OBJECT_ATTRIBUTE}:
        _rename_column(context, node, new)
    elif kind == pg.OBJECT_TABCONSTRAINT:
        _rename_constraint(context, node, new)
    elif kind in _PARTS:
        _rename_part(context, node, new)
    elif kind in _TYPES:
        _rename_type(context, node, new)
    elif kind == pg.OBJECT_DOMCONSTRAINT:
        _rename_domain_constraint(context, node, new)
    elif kind in _FUNCTIONS:
        find_function(context, node.object, kind)
    elif kind == pg.OBJECT_SCHEMA:
        if node.subname not in context.catalog.schemas:
            context.absent("3F000", f'schema "{node.subname}" does not exist')
        if new in context.catalog.schemas:
            raise Refused("42P06", f'schema "{new}" already exists')
    elif kind == pg.OBJECT_STATISTIC_EXT:
        _require_statistics(context, strings(unwrap(node.object).items))
    elif node.HasField("object"):
        require_object(context, kind, node.object)


def _rename_relation(context: Context, node: Any, new: str) -> None:
    found = _target(context, node, node.rename_type)
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
    found = _target(context, node, pg.OBJECT_TYPE if node.rename_type == pg.OBJECT_ATTRIBUTE else node.relation_type)
    if found is None:
        return
    old = node.subname
    if isinstance(found, Index):
        raise Refused("42809", f'cannot rename columns of relation "{found.name.name}"')
    if found.kind is RelationKind.SEQUENCE:
        raise Refused("42809", f'cannot rename columns of relation "{found.name.name}"')
    if found.of_type is not None:
        raise Refused("42809", "cannot rename column of typed table")
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


def _rename_typed(context: Context, found: Relation, node: Any) -> None:
    """Note the tables that follow a composite type."""
    typed = [other for other in context.catalog.relations.values() if other.of_type == found.name]
    if typed and node.behavior != pg.DROP_CASCADE:
        raise Refused("2BP01", f'cannot alter type "{found.name.name}" because it is the type of a typed table')
    for other in typed:
        context.builder.lock(other, _AX)


def _rename_constraint(context: Context, node: Any, new: str) -> None:
    found = _target(context, node, pg.OBJECT_TABLE)
    if found is None:
        return
    if isinstance(found, Index):
        raise Refused("42809", f'"{found.name.name}" is not a table')
    old, name = node.subname, found.name.name
    context.builder.lock(found, _AX)
    constraint = found.constraints.get(old)
    if constraint is None:
        context.absent("42704", f'constraint "{old}" for table "{name}" does not exist')
    if constraint.inherited:
        raise Refused("42P16", f'cannot rename inherited constraint "{old}"')
    inherits = constraint.kind in {ConstraintKind.CHECK, ConstraintKind.NOT_NULL} and not constraint.no_inherit
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
    found = _target(context, node, pg.OBJECT_TABLE)
    if not isinstance(found, Relation):
        return
    context.builder.lock(found, _AX)
    parts: Mapping[str, Any] = {
        pg.OBJECT_TRIGGER: found.triggers,
        pg.OBJECT_POLICY: found.policies,
        pg.OBJECT_RULE: dict.fromkeys(found.rules),
    }[node.rename_type]
    if new in parts:
        raise Refused("42710", f'{word} "{new}" for {place} "{found.name.name}" already exists')
    if node.subname not in parts:
        context.absent("42704", f'{word} "{node.subname}" for {place} "{found.name.name}" does not exist')
    if node.rename_type == pg.OBJECT_TRIGGER:
        _lock_trigger_clones(context, found, node.subname)


def _lock_trigger_clones(context: Context, found: Relation, name: str) -> None:
    parent = context.catalog.relations.get(found.parents[0]) if found.bound is not None and found.parents else None
    if parent is not None and name in parent.triggers and found.triggers[name].for_each_row:
        raise Refused("0A000", f'cannot rename trigger "{name}" on table "{found.name.name}"')
    if found.kind is RelationKind.PARTITIONED and found.triggers[name].for_each_row:
        for member in context.catalog.descendants_of(found.name):
            context.builder.lock(member, _AX)


def _rename_type(context: Context, node: Any, new: str) -> None:
    found = _require_type(context, node, node.rename_type)
    if found is None:
        return
    _lock_composite(context, found)
    full = Name(found.name.schema, new)
    relation = context.catalog.relations.get(full)
    if full in context.catalog.types or (relation is not None and relation.kind in _HAS_ROW_TYPE):
        raise Refused("42710", f'type "{new}" already exists')


def _require_type(context: Context, node: Any, kind: int) -> UserType | None:
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


def _lock_composite(context: Context, found: UserType) -> None:
    relation = context.catalog.relations.get(found.name)
    if relation is not None and relation.kind is RelationKind.COMPOSITE:
        context.builder.lock(relation, _AX)


def _rename_domain_constraint(context: Context, node: Any, new: str) -> None:
    found = _require_type(context, node, pg.OBJECT_DOMAIN)
    if found is None:
        return
    shown = display(SqlType(found.name))
    if node.subname not in found.constraints:
        context.absent("42704", f'constraint "{node.subname}" for domain {shown} does not exist')
    if new in found.constraints:
        raise Refused("42710", f'constraint "{new}" for domain {shown} already exists')


def _require_statistics(context: Context, names: tuple[str, ...]) -> None:
    if not any(names[-1] in relation.statistics for relation in context.catalog.relations.values()):
        context.absent("42704", f'statistics object "{".".join(names)}" does not exist')


# -- SET SCHEMA ------------------------------------------------------------------------------------------------------


def _set_schema(context: Context, node: Any) -> None:
    kind, schema = node.object_type, node.newschema
    if kind in _RELATIONS:
        _move_relation(context, node, schema)
        return
    if kind in _TYPES:
        found = _require_type(context, node, kind)
        _require_schema(context, schema)
        if found is not None and found.name.schema != schema:
            full = Name(schema, found.name.name)
            if full in context.catalog.types or full in context.catalog.relations:
                raise Refused("42710", f'type "{full.name}" already exists in schema "{schema}"')
        return
    if kind in _FUNCTIONS:
        find_function(context, node.object, kind)
    elif kind == pg.OBJECT_EXTENSION:
        if string(node.object) not in context.catalog.extensions:
            context.absent("42704", f'extension "{string(node.object)}" does not exist')
    elif kind == pg.OBJECT_STATISTIC_EXT:
        _require_statistics(context, strings(unwrap(node.object).items))
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
    found = _target(context, node, node.object_type)
    if found is None:
        return
    if isinstance(found, Index):
        raise Refused("42809", f'cannot change schema of index "{found.name.name}"')
    context.builder.lock(found, _AX)
    if found.owned_by is not None:
        raise Refused("0A000", "cannot move an owned sequence into another schema")
    _require_schema(context, schema)
    if found.name.schema == schema:
        return
    full = Name(schema, found.name.name)
    if full in context.catalog.relations or full in context.catalog.indexes:
        raise Refused("42P07", f'relation "{full.name}" already exists in schema "{schema}"')
    if full in context.catalog.types:
        raise Refused("42710", f'type "{full.name}" already exists in schema "{schema}"')
    for sequence in context.catalog.relations.values():
        if sequence.owned_by is not None and sequence.owned_by[0] == found.name:
            context.builder.lock(sequence, _AX)


# -- OWNER -----------------------------------------------------------------------------------------------------------


def _set_owner(context: Context, node: Any) -> None:
    kind = node.object_type
    if kind in _TYPES:
        found = _require_type(context, node, kind)
        if found is not None and not _keeps_owner(node.newowner):
            _lock_composite(context, found)
    elif kind in _FUNCTIONS:
        find_function(context, node.object, kind)
    elif kind == pg.OBJECT_SCHEMA:
        if string(node.object) not in context.catalog.schemas:
            context.absent("3F000", f'schema "{string(node.object)}" does not exist')
    elif kind == pg.OBJECT_STATISTIC_EXT:
        _require_statistics(context, strings(unwrap(node.object).items))
    elif kind != pg.OBJECT_LARGEOBJECT:
        require_object(context, kind, node.object)
    if not _keeps_owner(node.newowner):
        context.builder.depends(f"fails if the role {node.newowner.rolename} does not exist")


def _keeps_owner(role: Any) -> bool:
    return role.roletype != pg.ROLESPEC_CSTRING or role.rolename == "postgres"

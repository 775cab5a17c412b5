"""SQL without a schema: tables that it only mentions are assumed to exist, and what depends on their shape is unknown.

A statement is predicted twice, over a bare table and over one whose columns are all NOT NULL and indexed. Where both
answers agree the shape does not matter and the answer is certain; where they differ it is not known.
"""

from __future__ import annotations

import functools
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from postgast import pg_query_pb2 as pg

from sluicegate.catalog.builtins import VECTOR
from sluicegate.catalog.extensions import types_of, vector_schema
from sluicegate.catalog.model import (
    Column,
    Constraint,
    ConstraintKind,
    Index,
    IndexKey,
    Name,
    Partitioning,
    Relation,
    RelationKind,
    SqlType,
    TypeKind,
    UserType,
)
from sluicegate.catalog.types import from_key
from sluicegate.effects.context import Builder
from sluicegate.effects.model import KEY_MAY_LACK, Certainty, Effects
from sluicegate.effects.operator_classes import operator_class
from sluicegate.statements.nodes import messages, qualified, string, strings, unwrap

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from sluicegate.catalog.model import Catalog
    from sluicegate.effects.context import Context

_UNKNOWN = SqlType(Name("", "an unknown type"))
_MARK = "\N{ZERO WIDTH SPACE}assumed"
"""Part of the names of indexes that are assumed; it never leaves this module."""

_KINDS = {
    pg.OBJECT_VIEW: RelationKind.VIEW,
    pg.OBJECT_MATVIEW: RelationKind.MATERIALIZED_VIEW,
    pg.OBJECT_SEQUENCE: RelationKind.SEQUENCE,
    pg.OBJECT_FOREIGN_TABLE: RelationKind.FOREIGN,
    pg.OBJECT_TYPE: RelationKind.COMPOSITE,
}
_TABLE_LIKE = {pg.OBJECT_TABLE, *_KINDS}


def with_vector(catalog: Catalog) -> Catalog:
    """Return a catalog that is not complete with pgvector's types, which SQL may use without creating them."""
    if catalog.complete or VECTOR in catalog.extensions:
        return catalog
    missing = {one.name: one for one in _vector_types(vector_schema(catalog) or "public")}
    if missing.keys() <= catalog.types.keys():
        return catalog
    # One value per type, so that a catalog that was completed before holds the same ones.
    return replace(catalog, types={**catalog.types, **{n: t for n, t in missing.items() if n not in catalog.types}})


@functools.cache
def _vector_types(schema: str) -> tuple[UserType, ...]:
    return types_of(VECTOR, schema)


def predict_assuming(context: Context, predict: Callable[[Context], Effects]) -> Effects | None:
    """Predict a statement over relations that are not in the catalog; None when it mentions none.

    Args:
        context: the statement's context, over a catalog that is not complete.
        predict: predicts the statement in another context.
    """
    missing = dict(_missing(context))
    types = _missing_types(context)
    if not missing and not types:
        return None
    answers = []
    for rich in (False, True):
        catalog = context.catalog
        for user_type in types:
            catalog = catalog.with_type(user_type)
        for name, kind in missing.items():
            catalog = _with_assumed(catalog, _relation(context, name, kind, rich=rich), rich=rich)
        answers.append(predict(replace(context, catalog=catalog, builder=Builder(catalog, context.session))))
    answer = _agreed(answers[0], answers[1], sorted(map(str, missing)))
    keys = [name for name in missing if _referenced_keys(context.statement.node, name)]
    if not keys or answer.error is not None:
        return answer
    needed = tuple(f"whether {name} {KEY_MAY_LACK}" for name in keys)
    return replace(answer, certainty=Certainty.UNKNOWN, unknowns=(*answer.unknowns, *needed))


def _agreed(bare: Effects, rich: Effects, names: list[str]) -> Effects:
    unknowns = list(dict.fromkeys([*bare.unknowns, *rich.unknowns]))
    data = list(dict.fromkeys([*bare.depends_on_data, *rich.depends_on_data]))
    shape = " and ".join(names)
    if bare.error != rich.error or bare.in_transaction is not rich.in_transaction:
        unknowns.append(f"whether the server takes it depends on the shape of {shape}")
    if bare.rewrites != rich.rewrites or bare.scans != rich.scans:
        unknowns.append(f"what is read or rewritten depends on the shape of {shape}")
    if bare.locks != rich.locks:
        unknowns.append(f"which tables are locked depends on the shape of {shape}")
    if bare.index_builds != rich.index_builds:
        # A rewrite writes whatever indexes there are; that does not make the rewrite itself less certain.
        if bare.rewrites == rich.rewrites and rich.index_builds - bare.index_builds <= rich.rewrites:
            data.append(f"writes every index of {shape} anew, where there are any")
        else:
            unknowns.append(f"which indexes are written depends on the shape of {shape}")
    error = bare.error if bare.error == rich.error else None
    if error is not None:
        return replace(bare, unknowns=tuple(unknowns))
    return Effects(
        locks={
            name: max(mode for mode in (bare.locks.get(name), rich.locks.get(name)) if mode is not None)
            for name in sorted(bare.locks.keys() | rich.locks.keys())
        },
        index_locks={
            name: mode for name, mode in {**bare.index_locks, **rich.index_locks}.items() if _MARK not in name
        },
        rewrites=bare.rewrites | rich.rewrites,
        scans=bare.scans | rich.scans,
        index_builds=bare.index_builds | rich.index_builds,
        in_transaction=rich.in_transaction,
        certainty=Certainty.UNKNOWN if unknowns else Certainty.CERTAIN,
        unknowns=tuple(unknowns),
        depends_on_data=tuple(data),
        losses=tuple(loss for loss in dict.fromkeys([*bare.losses, *rich.losses]) if _MARK not in loss.name),
        reasons={**rich.reasons, **bare.reasons},
    )


def _of_kind(tree: Any, kind: type) -> Iterator[Any]:
    return (message for message in messages(tree) if isinstance(message, kind))


# -- what is missing -----------------------------------------------------------------------------------------------


def _missing(context: Context) -> Iterator[tuple[Name, RelationKind]]:
    node = context.statement.node
    created = {(target.schemaname, target.relname, target.location) for target in _created(node)}
    ctes = {cte.ctename for cte in _of_kind(node, pg.CommonTableExpr)}
    parents = _partitioned(node)
    # A new table's foreign key may reference the table itself, which is then not one that was there before.
    own = context.name_of(node.relation) if isinstance(node, pg.CreateStmt) else None
    for found in _of_kind(node, pg.RangeVar):
        if (found.schemaname, found.relname, found.location) in created or (
            not found.schemaname and found.relname in ctes
        ):
            continue
        if not found.relname or context.is_system(found) or context.relation_or_index(found) is not None:
            continue
        if context.name_of(found) == own:
            continue
        kind = RelationKind.PARTITIONED if found.relname in parents else _kind(node)
        if kind is not None:
            yield context.name_of(found), kind
    if isinstance(node, pg.DropStmt) and node.remove_type in _TABLE_LIKE - {pg.OBJECT_TYPE}:
        for item in node.objects:
            if context.relation_or_index(item) is None:
                yield context.name_of(item), _KINDS.get(node.remove_type, RelationKind.TABLE)
    elif isinstance(node, pg.DropStmt) and node.remove_type in {pg.OBJECT_TRIGGER, pg.OBJECT_POLICY, pg.OBJECT_RULE}:
        for item in node.objects:
            names = strings(unwrap(item).items)
            owner = (names[-3] if len(names) > 2 else None, names[-2])
            if context.relation(owner) is None:
                yield context.name_of(owner), RelationKind.TABLE


def _created(node: Any) -> Iterator[Any]:
    """Yield the names that a statement gives to what it creates."""
    for message in messages(node):
        match message:
            case pg.CreateStmt():
                yield message.relation
            case pg.ViewStmt():
                yield message.view
            case pg.IntoClause():
                yield message.rel
            case pg.CreateSeqStmt():
                yield message.sequence
            case pg.CompositeTypeStmt():
                yield message.typevar


def _partitioned(node: Any) -> set[str]:
    names = set()
    for message in messages(node):
        if isinstance(message, pg.CreateStmt) and message.HasField("partbound"):
            names |= {item.range_var.relname for item in message.inh_relations}
        elif isinstance(message, pg.IndexStmt) and not message.relation.inh:
            names.add(message.relation.relname)  # ONLY leaves partitions out; it means nothing to another table
        elif (
            isinstance(message, pg.AlterTableStmt)
            and message.objtype != pg.OBJECT_INDEX
            and any(
                unwrap(item).subtype in {pg.AT_AttachPartition, pg.AT_DetachPartition, pg.AT_DetachPartitionFinalize}
                for item in message.cmds
            )
        ):
            names.add(message.relation.relname)
    return names


def _kind(node: Any) -> RelationKind | None:
    match node:
        case pg.AlterTableStmt() if node.objtype == pg.OBJECT_INDEX:
            return None
        case pg.AlterTableStmt():
            return _KINDS.get(node.objtype, RelationKind.TABLE)
        case pg.RenameStmt() if node.rename_type == pg.OBJECT_INDEX:
            return None
        case pg.RenameStmt():
            kind = (
                node.relation_type if node.rename_type in {pg.OBJECT_COLUMN, pg.OBJECT_ATTRIBUTE} else node.rename_type
            )
            return _KINDS.get(kind, RelationKind.TABLE)
        case pg.AlterObjectSchemaStmt() | pg.AlterOwnerStmt():
            return _KINDS.get(node.object_type, RelationKind.TABLE)
        case pg.RefreshMatViewStmt():
            return RelationKind.MATERIALIZED_VIEW
        case pg.AlterSeqStmt():
            return RelationKind.SEQUENCE
        case pg.ReindexStmt() if node.kind == pg.REINDEX_OBJECT_INDEX:
            return None
        case _:
            return RelationKind.TABLE


def _missing_types(context: Context) -> list[UserType]:
    node = context.statement.node
    if not isinstance(node, pg.AlterEnumStmt) or context.user_type(node.type_name) is not None:
        return []
    schema, name = qualified(node.type_name)
    labels = tuple(label for label in (node.old_val, node.new_val_neighbor) if label)
    return [UserType(Name(schema or context.creation_schema, name), TypeKind.ENUM, values=labels)]


# -- what is assumed -----------------------------------------------------------------------------------------------


def _relation(context: Context, name: Name, kind: RelationKind, *, rich: bool) -> Relation:
    types = _indexed_types(context)
    identities = _identity_columns(context.statement.node)
    # A partition has the columns of its table, so what a check names is given to all of them.
    named = [column for tree in _expressions(context) for column in _columns(tree)]
    columns = {
        column: Column(column, types.get(column, _UNKNOWN), not_null=rich or column in identities)
        for column in (*_columns(context.statement.node), *named)
    }
    relation = Relation(name, kind, columns)
    parent = _detached_from(context, name)
    if parent is not None:
        relation = replace(relation, parents=(parent,), bound="FOR VALUES …")
    said = context.catalog.mentioned.get(name)
    if said is not None:
        relation = replace(relation, constraints=said.constraints, policies=said.policies)
    if kind is RelationKind.PARTITIONED:
        bound = next(_of_kind(context.statement.node, pg.PartitionBoundSpec), None)
        strategy = {"l": "list", "h": "hash"}.get(bound.strategy, "range") if bound is not None else "range"
        relation = replace(relation, partitioning=Partitioning(strategy, (None,)))
    keys = _referenced_keys(context.statement.node, name)
    for number, key in enumerate(keys):
        for column in key:
            relation = replace(relation, columns={**relation.columns, column: Column(column, _UNKNOWN, not_null=True)})
        label = f"{name.name}_{_MARK}_{number}"
        constraint = Constraint(label, ConstraintKind.PRIMARY_KEY, key, index=Name(name.schema, label))
        relation = replace(relation, constraints={**relation.constraints, label: constraint})
    return relation


def _expressions(context: Context) -> Iterator[Any]:
    """Yield the checks that earlier statements gave to the tables of this one."""
    for found in _of_kind(context.statement.node, pg.RangeVar):
        said = context.catalog.mentioned.get(context.name_of(found))
        for constraint in said.constraints.values() if said is not None else ():
            if constraint.expression is not None:
                yield constraint.expression.node


def _with_assumed(catalog: Catalog, relation: Relation, *, rich: bool) -> Catalog:
    catalog = catalog.with_relation(relation)
    for constraint in relation.constraints.values():
        if constraint.index is not None:
            keys = tuple(IndexKey(column) for column in constraint.columns)
            catalog = catalog.with_index(
                Index(constraint.index, relation.name, "btree", keys, unique=True, constraint=constraint.name)
            )
    if relation.kind is RelationKind.MATERIALIZED_VIEW:
        # Whoever refreshes it CONCURRENTLY has given it the unique index that this needs.
        name = Name(relation.name.schema, f"{relation.name.name}_{_MARK}")
        catalog = catalog.with_relation(replace(relation, columns={**relation.columns, _MARK: Column(_MARK, _UNKNOWN)}))
        return catalog.with_index(Index(name, relation.name, "btree", (IndexKey(_MARK),), unique=True))
    if rich and relation.kind is RelationKind.TABLE:
        name = Name(relation.name.schema, f"{relation.name.name}_{_MARK}")
        catalog = catalog.with_relation(
            replace(relation, columns={**relation.columns, _MARK: Column(_MARK, _UNKNOWN, not_null=True)})
        )
        catalog = catalog.with_index(Index(name, relation.name, "btree", (IndexKey(_MARK),)))
    return catalog


def _columns(node: Any) -> list[str]:
    """Return every column name that a statement uses, apart from those it adds."""
    found: dict[str, None] = {}
    added: set[str] = set()
    for message in messages(node):
        match message:
            case pg.ColumnRef():
                parts = [string(item) for item in message.fields]
                found.update(dict.fromkeys(part for part in parts[-1:] if part))
            case pg.AlterTableCmd() if message.subtype == pg.AT_AddColumn:
                added.add(unwrap(getattr(message, "def")).colname)
            case pg.AlterTableCmd() if message.subtype in _COLUMN_ACTIONS:
                found[message.name] = None
            case pg.Constraint():
                found.update(dict.fromkeys([*strings(message.keys), *strings(message.fk_attrs)]))
            case pg.IndexElem() if message.name:
                found[message.name] = None
            case pg.UpdateStmt() | pg.MergeWhenClause() | pg.OnConflictClause():
                found.update(dict.fromkeys(item.res_target.name for item in message.target_list))
            case pg.InsertStmt():
                found.update(dict.fromkeys(item.res_target.name for item in message.cols))
            case pg.RenameStmt() if message.rename_type in {pg.OBJECT_COLUMN, pg.OBJECT_ATTRIBUTE}:
                found[message.subname] = None
            case pg.CreateTrigStmt():
                found.update(dict.fromkeys(strings(message.columns)))
            case pg.StatsElem() if message.name:
                found[message.name] = None
            case pg.CopyStmt():
                found.update(dict.fromkeys(strings(message.attlist)))
    return [column for column in found if column and column not in added]


def _identity_columns(node: Any) -> set[str]:
    """Return the columns that become identity columns, which only one that is NOT NULL can."""
    return {cmd.name for cmd in _of_kind(node, pg.AlterTableCmd) if cmd.subtype == pg.AT_AddIdentity}


def _detached_from(context: Context, name: Name) -> Name | None:
    """Return the table that a relation must be a partition of, since the statement detaches it."""
    node = context.statement.node
    if isinstance(node, pg.AlterTableStmt):
        for command in _of_kind(node, pg.AlterTableCmd):
            detaches = command.subtype in {pg.AT_DetachPartition, pg.AT_DetachPartitionFinalize}
            if detaches and context.name_of(unwrap(getattr(command, "def")).name) == name:
                return context.name_of(node.relation)
    return None


def _indexed_types(context: Context) -> dict[str, SqlType]:
    """Return types for the columns of which a statement asks something: one that it takes."""
    node = context.statement.node
    integers = [*_identity_columns(node), *(e.name for e in _of_kind(node, pg.StatsElem) if e.name)]
    if integers:
        return dict.fromkeys(integers, from_key("int8", context.catalog))
    if not isinstance(node, pg.IndexStmt):
        return {}
    found = {}
    for item in node.index_params:
        element = item.index_elem
        if not element.name:
            continue
        word = _USUAL.get(node.access_method, "int4")
        if element.opclass:
            named = operator_class(node.access_method, strings(element.opclass)[-1], context.catalog, context.version)
            word = named[0].input if named else word
        given = from_key(word, context.catalog)
        # A vector without dimensions cannot be indexed; how many the column has is not known.
        found[element.name] = replace(given, modifiers=(1,)) if word.startswith("@") or word == "bit" else given
    return found


_USUAL = {"gin": "jsonb", "gist": "tsrange", "spgist": "inet", "hnsw": "@vector", "ivfflat": "@vector"}
"""Index method → a type it has a default operator class for; any other method takes integers."""

_COLUMN_ACTIONS = {
    *(pg.AT_DropColumn, pg.AT_AlterColumnType, pg.AT_ColumnDefault, pg.AT_SetNotNull, pg.AT_DropNotNull),
    *(pg.AT_SetStatistics, pg.AT_SetOptions, pg.AT_ResetOptions, pg.AT_SetStorage, pg.AT_SetCompression),
    *(pg.AT_SetExpression, pg.AT_DropExpression, pg.AT_AddIdentity, pg.AT_SetIdentity, pg.AT_DropIdentity),
}


def _referenced_keys(node: Any, name: Name) -> list[tuple[str, ...]]:
    """Return the keys that foreign keys in a statement point at in a table: they must be there."""
    keys: dict[tuple[str, ...], None] = {}
    for constraint in _of_kind(node, pg.Constraint):
        if constraint.contype != pg.CONSTR_FOREIGN or constraint.pktable.relname != name.name:
            continue
        named = strings(constraint.pk_attrs)
        keys[named or tuple(f"id{n or ''}" for n in range(max(len(constraint.fk_attrs), 1)))] = None
    return list(keys)[:1]

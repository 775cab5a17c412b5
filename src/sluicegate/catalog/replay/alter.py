"""ALTER TABLE (and ALTER INDEX, VIEW, SEQUENCE in its grammar), one function for each sort of action."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

from postgast import pg_query_pb2 as pg

from sluicegate.catalog.model import ConstraintKind, Name, RelationKind
from sluicegate.catalog.naming import clip
from sluicegate.catalog.replay.constraints import Waiting, add_constraint, set_not_null
from sluicegate.catalog.replay.drops import drop_column, drop_constraint, drop_relation
from sluicegate.catalog.replay.inheritance import attach_partition, detach, inherit
from sluicegate.catalog.replay.sequences import change_sequence
from sluicegate.catalog.replay.tables import add_column_definition, add_identity, default_expression
from sluicegate.statements.nodes import option_texts, options, string, unwrap, value_of

if TYPE_CHECKING:
    from sluicegate.catalog.model import Relation
    from sluicegate.catalog.replay.draft import Draft

# The order in which the server runs the actions of one statement (AlterTablePass in PostgreSQL's tablecmds.c).
_PASSES = {
    pg.AT_DropColumn: 0,
    pg.AT_DropConstraint: 0,
    pg.AT_DropNotNull: 0,
    pg.AT_DropInherit: 0,
    pg.AT_DropIdentity: 0,
    pg.AT_DropExpression: 0,
    pg.AT_AlterColumnType: 1,
    pg.AT_AddColumn: 2,
    pg.AT_SetExpression: 3,
    pg.AT_SetNotNull: 4,
    pg.AT_AddConstraint: 5,
    pg.AT_ColumnDefault: 6,
    pg.AT_AddIdentity: 6,
    pg.AT_SetIdentity: 6,
}


def alter_table(draft: Draft, node: Any) -> None:
    """Replay ALTER TABLE."""
    relation = draft.relation(node.relation)
    if relation is None:
        index = draft.index(node.relation)
        if index is not None:
            _alter_index(draft, index.name, node)
        return
    commands = [unwrap(item) for item in node.cmds]
    for command in sorted(commands, key=lambda item: _PASSES.get(item.subtype, 7)):
        if relation.name not in draft.catalog.relations:
            return
        _run(draft, relation.name, command, recurse=node.relation.inh)
        if relation.kind is RelationKind.COMPOSITE:
            # CASCADE reaches the tables of the type.
            for other in tuple(draft.catalog.relations.values()):
                if other.of_type == relation.name:
                    _run(draft, other.name, command, recurse=True)


def _run(draft: Draft, table: Name, node: Any, *, recurse: bool) -> None:
    match node.subtype:
        case pg.AT_AddColumn:
            add_column(draft, table, unwrap(getattr(node, "def")), recurse=recurse)
        case pg.AT_DropColumn:
            _drop_column(draft, table, node.name, recurse=recurse)
        case pg.AT_AlterColumnType:
            _change_type(draft, table, node, recurse=recurse)
        case pg.AT_AddConstraint:
            add_constraint(draft, table, unwrap(getattr(node, "def")), recurse=recurse)
        case pg.AT_DropConstraint:
            _drop_constraint(draft, table, node.name, recurse=recurse)
        case pg.AT_ValidateConstraint:
            _validate(draft, table, node.name)
        case pg.AT_AlterConstraint:
            _alter_constraint(draft, table, unwrap(getattr(node, "def")))
        case pg.AT_SetNotNull:
            set_not_null(draft, table, node.name, recurse=recurse)
        case pg.AT_AttachPartition:
            attach_partition(draft, table, unwrap(getattr(node, "def")))
        case pg.AT_DetachPartition | pg.AT_DetachPartitionFinalize:
            child = draft.relation(unwrap(getattr(node, "def")).name)
            if child is not None:
                detach(draft, table, child.name)
        case pg.AT_AddInherit:
            parent = draft.relation(unwrap(getattr(node, "def")))
            if parent is not None:
                inherit(draft, table, parent)
        case pg.AT_DropInherit:
            parent = draft.relation(unwrap(getattr(node, "def")))
            if parent is not None:
                detach(draft, parent.name, table)
        case _:
            if not _alter_column(draft, table, node, recurse=recurse):
                _alter_whole(draft, table, node)


def add_column(draft: Draft, table: Name, node: Any, *, recurse: bool = True) -> None:
    """Add a column here and below, with its constraints; one that is there already stays as it is."""
    relation = draft.catalog.relations[table]
    if clip(node.colname) in relation.columns:
        return
    waiting = Waiting()
    add_column_definition(draft, table, node, waiting)
    if recurse:
        _pass_on(draft, table, clip(node.colname))
    waiting.apply(draft, table, recurse=recurse)


def _pass_on(draft: Draft, table: Name, column: str) -> None:
    """Give the tables below a new column; its constraints reach them when the parent gets them."""
    added = draft.catalog.relations[table].columns[column]
    for child in draft.catalog.children_of(table):
        own = child.columns.get(column)
        if own is not None:
            draft.put_column(child.name, replace(own, inherited=own.inherited + 1))
            continue
        identity = added.identity if child.bound is not None and draft.catalog.version >= 17 else None
        draft.put_column(child.name, replace(added, local=False, inherited=1, not_null=False, identity=identity))
        _pass_on(draft, child.name, column)


def _drop_column(draft: Draft, table: Name, column: str, *, recurse: bool) -> None:
    children = draft.catalog.children_of(table)
    drop_column(draft, table, column)
    for child in children:
        found = draft.catalog.relations.get(child.name)
        own = found.columns.get(column) if found is not None else None
        if own is None:
            continue
        left = own.inherited - 1
        if recurse and left <= 0 and not own.local:
            _drop_column(draft, child.name, column, recurse=True)
        else:
            draft.alter_column(child.name, column, inherited=max(left, 0), local=own.local or not recurse)


def _change_type(draft: Draft, table: Name, node: Any, *, recurse: bool) -> None:
    definition = unwrap(getattr(node, "def"))
    new_type = draft.type(definition.type_name)
    for name in draft.family(table) if recurse else (table,):
        column = draft.catalog.relations[name].columns.get(node.name)
        if column is None:
            continue
        from sluicegate.catalog.replay.indexes import find_collation

        collation = find_collation(definition.coll_clause.collname) if definition.HasField("coll_clause") else None
        draft.alter_column(name, node.name, type=new_type, collation=collation, storage=None)
    column = draft.catalog.relations[table].columns.get(node.name)
    if column is None or column.identity is None:
        return
    for sequence in tuple(draft.catalog.relations.values()):
        if sequence.owned_by == (table, node.name):
            draft.alter(sequence.name, sequence_type=new_type)


def _drop_constraint(draft: Draft, table: Name, name: str, *, recurse: bool) -> None:
    constraint = draft.catalog.relations[table].constraints.get(name)
    if constraint is None:
        return
    children = draft.catalog.children_of(table)
    drop_constraint(draft, table, name)
    if constraint.kind not in {ConstraintKind.CHECK, ConstraintKind.NOT_NULL} or constraint.no_inherit:
        return
    for child in children:
        found = draft.catalog.relations.get(child.name)
        own = None
        for candidate in found.constraints.values() if found is not None else ():
            same = (
                candidate.name == name
                if constraint.kind is ConstraintKind.CHECK
                else (candidate.kind is constraint.kind and candidate.columns == constraint.columns)
            )
            own = candidate if same else own
        if own is None:
            continue
        if recurse and own.inherited <= 1 and not own.local:
            _drop_constraint(draft, child.name, own.name, recurse=True)
        else:
            draft.put_constraint(
                child.name, replace(own, inherited=max(own.inherited - 1, 0), local=own.local or not recurse)
            )


def _validate(draft: Draft, table: Name, name: str) -> None:
    constraint = draft.catalog.relations[table].constraints.get(name)
    if constraint is None:
        return
    for member in draft.family(table):
        for own in draft.catalog.relations[member].constraints.values():
            same_check = own.name == name and own.kind is constraint.kind
            same_other = own.kind is constraint.kind is not ConstraintKind.CHECK and own.columns == constraint.columns
            if member == table and own.name != name:
                continue
            if same_check or same_other:
                draft.put_constraint(member, replace(own, validated=True))
                if own.kind is ConstraintKind.NOT_NULL:
                    draft.alter_column(member, own.columns[0], not_null_validated=True)


def _alter_constraint(draft: Draft, table: Name, node: Any) -> None:
    constraint = draft.catalog.relations[table].constraints.get(node.conname)
    if constraint is None:
        return
    changed = constraint
    if node.alter_enforceability:
        changed = replace(changed, enforced=node.is_enforced, validated=node.is_enforced)
    if node.alter_deferrability:
        changed = replace(changed, deferrable=node.deferrable)
    if node.alter_inheritability:
        changed = replace(changed, no_inherit=node.noinherit)
    draft.put_constraint(table, changed)
    if not node.alter_inheritability:
        for child in draft.catalog.descendants_of(table):
            for own in child.constraints.values():
                if own.kind is constraint.kind and own.columns == constraint.columns and own.inherited:
                    draft.put_constraint(
                        child.name,
                        replace(
                            own,
                            enforced=changed.enforced,
                            validated=changed.validated,
                            deferrable=changed.deferrable,
                        ),
                    )


def _alter_column(draft: Draft, table: Name, node: Any, *, recurse: bool) -> bool:
    """Apply an action on one column to it and, where the server does so, below; False when it is another action."""
    change = _column_change(draft, table, node)
    if change is None:
        return False
    members = list(draft.family(table)) if recurse else [table]
    for member in members:
        draft.alter_column(member, node.name, **change)
    if node.subtype == pg.AT_DropNotNull:
        for member in members:
            for own in tuple(draft.catalog.relations[member].constraints.values()):
                if own.kind is ConstraintKind.NOT_NULL and own.columns == (node.name,):
                    draft.drop_constraint(member, own.name)
    if node.subtype == pg.AT_DropIdentity:
        for sequence in tuple(draft.catalog.relations.values()):
            if sequence.owned_by == (table, node.name):
                drop_relation(draft, sequence.name)
    return True


def _column_change(draft: Draft, table: Name, node: Any) -> dict[str, Any] | None:
    definition: Any = unwrap(getattr(node, "def")) if node.HasField("def") else None
    match node.subtype:
        case pg.AT_ColumnDefault:
            return {"default": default_expression(draft, getattr(node, "def")) if definition is not None else None}
        case pg.AT_DropNotNull:
            return {"not_null": False, "not_null_validated": True}
        case pg.AT_SetExpression:
            return {"default": draft.expression(getattr(node, "def"))}
        case pg.AT_DropExpression:
            return {"default": None, "generated": None}
        case pg.AT_SetStatistics:
            target = value_of(definition) if definition is not None else None
            return {"statistics_target": None if target in {None, -1} else target}
        case pg.AT_SetStorage:
            storage = string(definition).lower()
            return {"storage": None if storage == "default" else storage}
        case pg.AT_SetCompression:
            method = string(definition).lower()
            return {"compression": None if method == "default" else method}
        case pg.AT_AddIdentity:
            add_identity(draft, table, node.name, definition.generated_when, definition.options)
            return {}
        case pg.AT_SetIdentity:
            when = options(getattr(item, "def_elem", item) for item in _elements(definition)).get("generated")
            return {} if when is None else {"identity": "always" if when == ord("a") else "by default"}
        case pg.AT_DropIdentity:
            return {"identity": None}
        case pg.AT_SetOptions | pg.AT_ResetOptions | pg.AT_AlterColumnGenericOptions:
            return {}
    return None


def _elements(node: Any) -> Any:
    return [unwrap(item) for item in node.items] if isinstance(node, pg.List) else [node]


_TRIGGER_STATES = {
    pg.AT_EnableTrig: "O",
    pg.AT_EnableTrigAll: "O",
    pg.AT_EnableTrigUser: "O",
    pg.AT_EnableAlwaysTrig: "A",
    pg.AT_EnableReplicaTrig: "R",
    pg.AT_DisableTrig: "D",
    pg.AT_DisableTrigAll: "D",
    pg.AT_DisableTrigUser: "D",
}


def _alter_whole(draft: Draft, table: Name, node: Any) -> None:
    relation = draft.catalog.relations[table]
    definition: Any = unwrap(getattr(node, "def")) if node.HasField("def") else None
    match node.subtype:
        case pg.AT_SetRelOptions:
            draft.alter(table, options={**relation.options, **option_texts(_elements(definition))})
        case pg.AT_ResetRelOptions:
            gone = options(_elements(definition))
            draft.alter(table, options={k: v for k, v in relation.options.items() if k not in gone})
        case pg.AT_SetLogged:
            _persist(draft, relation, "permanent")
        case pg.AT_SetUnLogged:
            _persist(draft, relation, "unlogged")
        case pg.AT_SetAccessMethod:
            draft.alter(table, access_method=node.name or None)
        case pg.AT_SetTableSpace:
            draft.alter(table, tablespace=node.name or None)
        case pg.AT_ChangeOwner:
            draft.alter(table, owner=node.newowner.rolename or None)
        case pg.AT_EnableRowSecurity | pg.AT_DisableRowSecurity:
            draft.alter(table, row_security=node.subtype == pg.AT_EnableRowSecurity)
        case pg.AT_ForceRowSecurity | pg.AT_NoForceRowSecurity:
            draft.alter(table, force_row_security=node.subtype == pg.AT_ForceRowSecurity)
        case pg.AT_ClusterOn | pg.AT_DropCluster:
            for index in draft.catalog.indexes_of(table):
                draft.put_index(replace(index, clustered=index.name.name == node.name))
        case pg.AT_ReplicaIdentity:
            _replica_identity(draft, relation, definition)
        case pg.AT_AddOf:
            found = draft.find_type(definition)
            draft.alter(table, of_type=found.name if found is not None else None)
        case pg.AT_DropOf:
            draft.alter(table, of_type=None)
        case kind if kind in _TRIGGER_STATES:
            every = not node.name
            for member in draft.family(table):
                found_relation = draft.catalog.relations[member]
                draft.alter(
                    member,
                    triggers={
                        name: replace(trigger, enabled=_TRIGGER_STATES[kind]) if every or name == node.name else trigger
                        for name, trigger in found_relation.triggers.items()
                    },
                )


_IDENTITIES = {"d": "default", "f": "full", "n": "nothing", "i": "index"}


def _replica_identity(draft: Draft, relation: Relation, node: Any) -> None:
    kind = _IDENTITIES.get(node.identity_type, "default")
    draft.alter(relation.name, replica_identity=kind)
    for index in draft.catalog.indexes_of(relation.name):
        draft.put_index(replace(index, replica_identity=kind == "index" and index.name.name == node.name))


def _persist(draft: Draft, relation: Relation, persistence: str) -> None:
    draft.alter(relation.name, persistence=persistence)
    for other in tuple(draft.catalog.relations.values()):
        if other.owned_by is not None and other.owned_by[0] == relation.name:
            draft.alter(other.name, persistence=persistence)


def _alter_index(draft: Draft, name: Name, node: Any) -> None:
    for item in node.cmds:
        command = unwrap(item)
        index = draft.catalog.indexes[name]
        definition: Any = unwrap(getattr(command, "def")) if command.HasField("def") else None
        match command.subtype:
            case pg.AT_SetRelOptions:
                draft.alter_index(name, options={**index.options, **option_texts(_elements(definition))})
            case pg.AT_ResetRelOptions:
                gone = options(_elements(definition))
                draft.alter_index(name, options={k: v for k, v in index.options.items() if k not in gone})
            case pg.AT_SetTableSpace:
                draft.alter_index(name, tablespace=command.name or None)
            case pg.AT_AttachPartition:
                child = draft.index(definition.name)
                if child is not None:
                    attach_index(draft, name, child.name)


def attach_index(draft: Draft, parent: Name, child: Name) -> None:
    """Replay ALTER INDEX … ATTACH PARTITION: the parent is valid once every partition has its index."""
    draft.alter_index(child, parent=parent)
    own = draft.catalog.indexes[child]
    constraint = draft.catalog.relations[own.table].constraints.get(own.constraint or "")
    if constraint is not None:
        draft.put_constraint(own.table, replace(constraint, local=False, inherited=1))
    index = draft.catalog.indexes[parent]
    attached = {i.table for i in draft.catalog.indexes.values() if i.parent == parent and i.valid}
    partitions = {relation.name for relation in draft.catalog.children_of(index.table)}
    if partitions <= attached and not index.valid:
        draft.alter_index(parent, valid=True)
        if index.parent is not None and index.parent in draft.catalog.indexes:
            attach_index(draft, index.parent, parent)


def alter_sequence(draft: Draft, node: Any) -> None:
    """Replay ALTER SEQUENCE."""
    relation = draft.relation(node.sequence)
    if relation is not None and relation.kind is RelationKind.SEQUENCE:
        change_sequence(draft, relation.name, node.options)

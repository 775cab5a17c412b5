"""DROP in all its forms, and everything that goes along with a dropped thing."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

from postgast import pg_query_pb2 as pg

from sluicegate.catalog.columns_used import expression_columns, index_columns
from sluicegate.catalog.model import ConstraintKind, Name, RelationKind, TypeKind
from sluicegate.catalog.replay.functions import find_function
from sluicegate.catalog.replay.others import WORDS, forget, name_of
from sluicegate.catalog.types import base_type
from sluicegate.statements.nodes import qualified, string, strings, unwrap, walk_kinds

if TYPE_CHECKING:
    from sluicegate.catalog.model import Function, Relation
    from sluicegate.catalog.replay.draft import Draft

_RELATIONS = {
    pg.OBJECT_TABLE,
    pg.OBJECT_VIEW,
    pg.OBJECT_MATVIEW,
    pg.OBJECT_SEQUENCE,
    pg.OBJECT_FOREIGN_TABLE,
}


def drop(draft: Draft, node: Any) -> None:
    """Replay DROP; what depends on the dropped things goes along, as the server accepted the statement."""
    for item in node.objects:
        if node.remove_type in _RELATIONS:
            relation = draft.relation(item)
            if relation is not None:
                drop_relation(draft, relation.name)
        else:
            _drop_object(draft, node.remove_type, item)


def _drop_object(draft: Draft, kind: int, item: Any) -> None:
    match kind:
        case pg.OBJECT_INDEX:
            index = draft.index(item)
            if index is not None:
                drop_index(draft, index.name)
        case pg.OBJECT_TYPE | pg.OBJECT_DOMAIN:
            user_type = draft.user_type(item)
            if user_type is not None:
                drop_type(draft, user_type.name)
        case pg.OBJECT_FUNCTION | pg.OBJECT_PROCEDURE | pg.OBJECT_ROUTINE | pg.OBJECT_AGGREGATE:
            function = find_function(draft, item)
            if function is not None:
                drop_function(draft, function)
        case pg.OBJECT_TRIGGER | pg.OBJECT_POLICY | pg.OBJECT_RULE:
            _drop_part(draft, kind, item)
        case pg.OBJECT_SCHEMA:
            drop_schema(draft, string(item))
        case pg.OBJECT_EXTENSION:
            drop_extension_objects(draft, string(item))
            draft.remove_extension(string(item))
        case pg.OBJECT_PUBLICATION:
            draft.remove_publication(string(item))
        case pg.OBJECT_STATISTIC_EXT:
            _drop_statistics(draft, item)
        case _ if kind in WORDS:
            forget(draft, WORDS[kind], name_of(item))


def _drop_part(draft: Draft, kind: int, item: Any) -> None:
    names = strings(unwrap(item).items)
    relation = draft.relation((names[-3] if len(names) > 2 else None, names[-2]))
    if relation is None:
        return
    name = names[-1]
    if kind == pg.OBJECT_TRIGGER:
        for table in draft.family(relation.name):
            found = draft.catalog.relations[table]
            draft.alter(table, triggers={k: v for k, v in found.triggers.items() if k != name})
    elif kind == pg.OBJECT_POLICY:
        draft.alter(relation.name, policies={k: v for k, v in relation.policies.items() if k != name})
    else:
        columns = {key: value for key, value in relation.rule_columns.items() if key != name}
        reads = {key: value for key, value in relation.rule_reads.items() if key != name}
        draft.alter(relation.name, rules=relation.rules - {name}, rule_columns=columns, rule_reads=reads)


def _drop_statistics(draft: Draft, item: Any) -> None:
    _, name = qualified(item)
    for relation in tuple(draft.catalog.relations.values()):
        if name in relation.statistics:
            forget_statistics(draft, relation, {name})


def forget_statistics(draft: Draft, relation: Relation, names: set[str]) -> None:
    """Remove extended statistics objects of a table."""
    about = {name: columns for name, columns in relation.statistics_columns.items() if name not in names}
    draft.alter(relation.name, statistics=relation.statistics - names, statistics_columns=about)


def drop_relation(draft: Draft, name: Name) -> None:
    """Remove a relation with all that depends on it."""
    relation = draft.catalog.relations.get(name)
    if relation is None:
        return
    for child in draft.catalog.children_of(name):
        drop_relation(draft, child.name)
    for view in draft.catalog.views_on(name):
        drop_relation(draft, view.name)
    for owner, constraint in tuple(draft.catalog.foreign_keys_to(name)):
        if owner.name != name:
            draft.drop_constraint(owner.name, constraint.name)
    draft.remove(name)
    for other in tuple(draft.catalog.relations.values()):
        if (other.owned_by is not None and other.owned_by[0] == name) or other.of_type == name:
            drop_relation(draft, other.name)
    if relation.kind is RelationKind.SEQUENCE:
        _forget_sequence(draft, relation)
    else:
        drop_type(draft, name)
    for publication in tuple(draft.catalog.publications.values()):
        if publication.tables is not None and name in publication.tables:
            draft.put_publication(replace(publication, tables=publication.tables - {name}))


def _forget_sequence(draft: Draft, sequence: Relation) -> None:
    for relation in tuple(draft.catalog.relations.values()):
        for column in relation.columns.values():
            if column.default is not None and _names_sequence(column.default.node, sequence.name):
                draft.alter_column(relation.name, column.name, default=None)


def _names_sequence(node: Any, sequence: Name) -> bool:
    for call in walk_kinds(node, pg.FuncCall):
        if strings(call.funcname)[-1] != "nextval" or not call.args:
            continue
        for constant in walk_kinds(call.args[0], pg.A_Const):
            parts = constant.sval.sval.replace('"', "").split(".")
            if parts[-1] == sequence.name and (len(parts) == 1 or parts[-2] == sequence.schema):
                return True
    return False


def drop_column(draft: Draft, table: Name, column: str) -> None:
    """Remove a column with all that depends on it: indexes, constraints, sequences, views, generated columns."""
    relation = draft.catalog.relations.get(table)
    if relation is None or column not in relation.columns:
        return
    names = tuple(relation.columns)
    for index in draft.catalog.indexes_of(table):
        if column in index_columns(index, names):
            drop_index(draft, index.name)
    for constraint in relation.constraints.values():
        if column in constraint.columns or column in expression_columns(constraint.expression, names):
            drop_constraint(draft, table, constraint.name)
    for owner, constraint in tuple(draft.catalog.foreign_keys_to(table)):
        if column in constraint.referenced_columns:
            drop_constraint(draft, owner.name, constraint.name)
    for view in draft.catalog.views_on(table, column):
        drop_relation(draft, view.name)
    for other in tuple(draft.catalog.relations.values()):
        if other.owned_by == (table, column):
            drop_relation(draft, other.name)
    relation = draft.catalog.relations[table]
    policies = {
        name: policy
        for name, policy in relation.policies.items()
        if column not in expression_columns(policy.using, names)
        and column not in expression_columns(policy.with_check, names)
    }
    triggers = {name: t for name, t in relation.triggers.items() if column not in t.update_columns}
    columns = {name: value for name, value in relation.columns.items() if name != column}
    draft.alter(table, columns=columns, policies=policies, triggers=triggers)
    about = relation.statistics_columns
    forget_statistics(draft, draft.catalog.relations[table], {name for name in about if column in about[name]})
    for other_column in columns.values():
        if other_column.generated is not None and column in expression_columns(other_column.default, names):
            drop_column(draft, table, other_column.name)


def drop_constraint(draft: Draft, table: Name, name: str) -> None:
    """Remove a constraint with its index, the foreign keys that need it, and its copies on partitions."""
    relation = draft.catalog.relations.get(table)
    constraint = relation.constraints.get(name) if relation is not None else None
    if relation is None or constraint is None:
        return
    draft.drop_constraint(table, name)
    if constraint.index is not None:
        index = draft.catalog.indexes.get(constraint.index)
        if index is not None:
            _forget_index(draft, index.name)
        for owner, foreign in tuple(draft.catalog.foreign_keys_to(table)):
            if set(foreign.referenced_columns) == set(constraint.columns):
                drop_constraint(draft, owner.name, foreign.name)
    if constraint.kind is ConstraintKind.NOT_NULL and constraint.columns:
        draft.alter_column(table, constraint.columns[0], not_null=False)
    if constraint.kind is ConstraintKind.FOREIGN_KEY and relation.kind is RelationKind.PARTITIONED:
        for child in draft.catalog.children_of(table):
            for own in child.constraints.values():
                if own.kind is constraint.kind and own.inherited and own.columns == constraint.columns:
                    drop_constraint(draft, child.name, own.name)


def drop_index(draft: Draft, name: Name) -> None:
    """Remove an index, the constraint it backs, and its copies on partitions."""
    index = draft.catalog.indexes.get(name)
    if index is None:
        return
    if index.constraint is not None and index.table in draft.catalog.relations:
        drop_constraint(draft, index.table, index.constraint)
    _forget_index(draft, name)


def _forget_index(draft: Draft, name: Name) -> None:
    for child in tuple(draft.catalog.indexes.values()):
        if child.parent == name:
            if child.constraint is not None:
                draft.drop_constraint(child.table, child.constraint)
            _forget_index(draft, child.name)
    draft.remove_index(name)


def drop_type(draft: Draft, name: Name) -> None:
    """Remove a type with the columns, functions and types that use it."""
    user_type = draft.catalog.types.get(name)
    relation = draft.catalog.relations.get(name)
    draft.remove_type(name)
    if user_type is not None and user_type.kind is TypeKind.RANGE and user_type.multirange is not None:
        drop_type(draft, user_type.multirange)
    for other in tuple(draft.catalog.relations.values()):
        if other.of_type == name:
            drop_relation(draft, other.name)
    if user_type is not None and user_type.kind is TypeKind.COMPOSITE and relation is not None:
        draft.remove(name)
    for other in tuple(draft.catalog.relations.values()):
        for column in tuple(other.columns.values()):
            if column.type.name == name:
                drop_column(draft, other.name, column.name)
    for functions in tuple(draft.catalog.functions.values()):
        for function in functions:
            used = (*function.argument_types, *((function.returns,) if function.returns else ()))
            if any(sql_type.name == name for sql_type in used):
                drop_function(draft, function)
    for domain in tuple(draft.catalog.types.values()):
        if domain.base is not None and base_type(domain.base, draft.catalog).name == name:
            drop_type(draft, domain.name)


def drop_function(draft: Draft, function: Function) -> None:
    """Remove a function with the triggers and defaults that call it."""
    draft.remove_function(function)
    if draft.catalog.functions.get(function.name):
        return  # another function of the name may be the one that is called
    for relation in tuple(draft.catalog.relations.values()):
        triggers = {n: t for n, t in relation.triggers.items() if t.function != function.name}
        if len(triggers) != len(relation.triggers):
            draft.alter(relation.name, triggers=triggers)
        for column in relation.columns.values():
            if column.default is not None and _calls(column.default.node, function):
                if column.generated is not None:
                    drop_column(draft, relation.name, column.name)
                else:
                    draft.alter_column(relation.name, column.name, default=None)


def _calls(node: Any, function: Function) -> bool:
    return node is not None and any(
        strings(call.funcname)[-1] == function.name.name for call in walk_kinds(node, pg.FuncCall)
    )


def drop_schema(draft: Draft, name: str) -> None:
    """Remove a schema with everything in it."""
    for relation in tuple(draft.catalog.relations.values()):
        if relation.name.schema == name:
            drop_relation(draft, relation.name)
    for user_type in tuple(draft.catalog.types.values()):
        if user_type.name.schema == name:
            drop_type(draft, user_type.name)
    for functions in tuple(draft.catalog.functions.values()):
        for function in functions:
            if function.name.schema == name:
                drop_function(draft, function)
    for extension in tuple(draft.catalog.extensions.values()):
        if extension.schema == name:
            draft.remove_extension(extension.name)
    draft.remove_schema(name)


def drop_extension_objects(draft: Draft, name: str) -> None:
    """Remove the objects of an extension with everything that uses them."""
    for user_type in tuple(draft.catalog.types.values()):
        if user_type.extension == name:
            drop_type(draft, user_type.name)
    for functions in tuple(draft.catalog.functions.values()):
        for function in functions:
            if function.extension == name:
                drop_function(draft, function)

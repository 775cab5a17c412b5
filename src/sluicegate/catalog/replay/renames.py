"""RENAME and SET SCHEMA: the same thing under another name, everywhere it is mentioned."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

from postgast import pg_query_pb2 as pg

from sluicegate.catalog.model import Expression, Name, SqlType
from sluicegate.catalog.naming import clip
from sluicegate.catalog.replay.functions import move_function
from sluicegate.catalog.replay.objects import move_extension
from sluicegate.statements.nodes import string, strings, unwrap, walk_kinds, wrap

if TYPE_CHECKING:
    from collections.abc import Mapping

    from sluicegate.catalog.model import Column, Constraint, Index, Relation
    from sluicegate.catalog.replay.draft import Draft

_RELATIONS = {
    pg.OBJECT_TABLE,
    pg.OBJECT_VIEW,
    pg.OBJECT_MATVIEW,
    pg.OBJECT_SEQUENCE,
    pg.OBJECT_FOREIGN_TABLE,
    pg.OBJECT_INDEX,
}
_FUNCTIONS = {pg.OBJECT_FUNCTION, pg.OBJECT_PROCEDURE, pg.OBJECT_ROUTINE, pg.OBJECT_AGGREGATE}


def rename(draft: Draft, node: Any) -> None:
    """Replay ALTER … RENAME."""
    new = clip(node.newname)
    kind = node.rename_type
    if kind in {pg.OBJECT_COLUMN, pg.OBJECT_ATTRIBUTE}:
        relation = draft.relation(node.relation)
        if relation is not None:
            rename_column(draft, relation.name, node.subname, new)
    elif kind in _RELATIONS:
        _rename_relation(draft, node.relation, new)
    elif kind == pg.OBJECT_TABCONSTRAINT:
        relation = draft.relation(node.relation)
        if relation is not None:
            rename_constraint(draft, relation.name, node.subname, new)
    elif kind in _FUNCTIONS:
        move_function(draft, node.object, name=new)
    elif kind in {pg.OBJECT_TYPE, pg.OBJECT_DOMAIN}:
        found = draft.user_type(node.object)
        if found is not None:
            move_type(draft, found.name, Name(found.name.schema, new))
    elif kind == pg.OBJECT_SCHEMA:
        rename_schema(draft, node.subname, new)
    else:
        _rename_part(draft, node, kind, new)


def _rename_part(draft: Draft, node: Any, kind: int, new: str) -> None:
    match kind:
        case pg.OBJECT_DOMCONSTRAINT:
            found = draft.user_type(node.object)
            if found is not None:
                draft.put_type(replace(found, constraints=_renamed(found.constraints, node.subname, new)))
        case pg.OBJECT_TRIGGER | pg.OBJECT_POLICY | pg.OBJECT_RULE:
            relation = draft.relation(node.relation)
            if relation is None:
                return
            if kind == pg.OBJECT_TRIGGER:
                for table in draft.family(relation.name):
                    triggers = draft.catalog.relations[table].triggers
                    draft.alter(table, triggers=_renamed(triggers, node.subname, new))
            elif kind == pg.OBJECT_POLICY:
                draft.alter(relation.name, policies=_renamed(relation.policies, node.subname, new))
            else:
                columns = {new if key == node.subname else key: used for key, used in relation.rule_columns.items()}
                reads = {new if key == node.subname else key: found for key, found in relation.rule_reads.items()}
                rules = (relation.rules - {node.subname}) | {new}
                draft.alter(relation.name, rules=rules, rule_columns=columns, rule_reads=reads)
        case pg.OBJECT_PUBLICATION:
            publication = draft.catalog.publications.get(string(node.object))
            if publication is not None:
                draft.remove_publication(publication.name)
                draft.put_publication(replace(publication, name=new))
        case pg.OBJECT_STATISTIC_EXT:
            old = strings(unwrap(node.object).items)[-1]
            for relation in tuple(draft.catalog.relations.values()):
                if old in relation.statistics:
                    about = {new if name == old else name: used for name, used in relation.statistics_columns.items()}
                    names = (relation.statistics - {old}) | {new}
                    draft.alter(relation.name, statistics=names, statistics_columns=about)


def _renamed(mapping: Mapping[str, Any], old: str, new: str) -> dict[str, Any]:
    return {
        (new if key == old else key): (replace(value, name=new) if key == old else value)
        for key, value in mapping.items()
    }


def _rename_relation(draft: Draft, name: Any, new: str) -> None:
    index = draft.index(name)
    relation = draft.relation(name)
    if relation is not None:
        move_relation(draft, relation.name, Name(relation.name.schema, new))
    elif index is not None:
        move_index(draft, index, Name(index.name.schema, new))


def move_index(draft: Draft, index: Index, new: Name) -> None:
    """Give an index another name, and the constraint it backs along with it."""
    moved = replace(index, name=new)
    if index.constraint is not None:
        moved = replace(moved, constraint=new.name)
        constraint = draft.catalog.relations[index.table].constraints.get(index.constraint)
        if constraint is not None:
            draft.drop_constraint(index.table, constraint.name)
            draft.put_constraint(index.table, replace(constraint, name=new.name, index=new))
    draft.rename_index(index.name, moved)
    for child in tuple(draft.catalog.indexes.values()):
        if child.parent == index.name:
            draft.put_index(replace(child, parent=new))


def rename_constraint(draft: Draft, table: Name, old: str, new: str) -> None:
    """Give a constraint another name: its index follows, and so do inherited copies."""
    relation = draft.catalog.relations[table]
    constraint = relation.constraints.get(old)
    if constraint is None:
        return
    if constraint.index is not None and constraint.index in draft.catalog.indexes:
        move_index(draft, draft.catalog.indexes[constraint.index], Name(table.schema, new))
        return
    for member in draft.family(table):
        found = draft.catalog.relations[member]
        if old in found.constraints and (member == table or found.constraints[old].inherited):
            draft.alter(member, constraints=_renamed(found.constraints, old, new))


def move_relation(draft: Draft, old: Name, new: Name) -> None:
    """Give a relation another name or schema, wherever it is mentioned."""
    relation = draft.catalog.relations[old]
    indexes = draft.catalog.indexes_of(old)
    draft.remove(old)
    draft.put(replace(relation, name=new))
    for index in indexes:
        name = Name(new.schema, index.name.name)
        draft.put_index(replace(index, table=new, name=name))
        if name != index.name:
            for child in tuple(draft.catalog.indexes.values()):
                if child.parent == index.name:
                    draft.put_index(replace(child, parent=name))
            if index.constraint is not None:
                constraint = draft.catalog.relations[new].constraints.get(index.constraint)
                if constraint is not None:
                    draft.put_constraint(new, replace(constraint, index=name))
    for other in tuple(draft.catalog.relations.values()):
        changed = _mentioning(other, old, new)
        if changed is not other:
            draft.put(changed)
        if changed.owned_by is not None and changed.owned_by[0] == new and old.schema != new.schema:
            move_relation(draft, other.name, Name(new.schema, other.name.name))
    if old in draft.catalog.types:
        user_type = draft.catalog.types[old]
        draft.remove_type(old)
        draft.put_type(replace(user_type, name=new))
    _retype(draft, old, new)
    for function in tuple(one for several in draft.catalog.functions.values() for one in several):
        if old in function.reads:
            reads = {new if name == old else name: used for name, used in function.reads.items()}
            draft.put_function(replace(function, reads=reads))
    for publication in tuple(draft.catalog.publications.values()):
        if publication.tables is not None and old in publication.tables:
            draft.put_publication(replace(publication, tables=(publication.tables - {old}) | {new}))


def _mentioning(relation: Relation, old: Name, new: Name) -> Relation:
    changed = relation
    if old in relation.parents:
        changed = replace(changed, parents=tuple(new if name == old else name for name in relation.parents))
    if any(old in names for names in relation.rule_reads.values()):
        found = {rule: frozenset(new if n == old else n for n in names) for rule, names in relation.rule_reads.items()}
        changed = replace(changed, rule_reads=found)
    if old in relation.reads:
        reads = {new if name == old else name: columns for name, columns in relation.reads.items()}
        changed = replace(changed, reads=reads)
    if relation.owned_by is not None and relation.owned_by[0] == old:
        changed = replace(changed, owned_by=(new, relation.owned_by[1]))
    if relation.of_type == old:
        changed = replace(changed, of_type=new)
    if any(constraint.references == old for constraint in relation.constraints.values()):
        constraints = {
            name: replace(constraint, references=new) if constraint.references == old else constraint
            for name, constraint in changed.constraints.items()
        }
        changed = replace(changed, constraints=constraints)
    return changed


def move_type(draft: Draft, old: Name, new: Name) -> None:
    """Give a type another name or schema, wherever it is used."""
    if old in draft.catalog.relations:
        move_relation(draft, old, new)
        return
    user_type = draft.catalog.types[old]
    draft.remove_type(old)
    draft.put_type(replace(user_type, name=new))
    _retype(draft, old, new)


def _retype(draft: Draft, old: Name, new: Name) -> None:
    def moved(sql_type: SqlType | None) -> Any:
        return replace(sql_type, name=new) if sql_type is not None and sql_type.name == old else sql_type

    for relation in tuple(draft.catalog.relations.values()):
        if any(column.type.name == old for column in relation.columns.values()):
            columns = {name: replace(column, type=moved(column.type)) for name, column in relation.columns.items()}
            draft.put(replace(relation, columns=columns))
    for user_type in tuple(draft.catalog.types.values()):
        if old in {getattr(user_type.base, "name", None), getattr(user_type.subtype, "name", None)}:
            draft.put_type(replace(user_type, base=moved(user_type.base), subtype=moved(user_type.subtype)))
    for functions in tuple(draft.catalog.functions.values()):
        for function in functions:
            if old in {getattr(t, "name", None) for t in (*function.argument_types, function.returns)}:
                draft.remove_function(function)
                arguments = tuple(moved(argument) for argument in function.argument_types)
                draft.put_function(replace(function, argument_types=arguments, returns=moved(function.returns)))


def rename_column(draft: Draft, table: Name, old: str, new: str) -> None:
    """Give a column another name, here and below, in keys, constraints and expressions."""
    typed = [other.name for other in draft.catalog.relations.values() if other.of_type == table]
    for member in (*draft.family(table), *typed):
        _rename_column(draft, member, old, new)
    for function in tuple(one for several in draft.catalog.functions.values() for one in several):
        read = function.reads.get(table)
        if read is not None and old in read:
            draft.put_function(replace(function, reads={**function.reads, table: (read - {old}) | {new}}))


def _rename_column(draft: Draft, table: Name, old: str, new: str) -> None:
    relation = draft.catalog.relations[table]
    if old not in relation.columns:
        return

    def columns_of(names: tuple[str, ...]) -> tuple[str, ...]:
        return tuple(new if name == old else name for name in names)

    def expression_of(expression: Expression | None) -> Expression | None:
        return _expression(draft, expression, old, new)

    def column_of(column: Column) -> Column:
        renamed = replace(column, name=new) if column.name == old else column
        return replace(renamed, default=expression_of(column.default)) if column.generated is not None else renamed

    def constraint_of(constraint: Constraint) -> Constraint:
        changed = replace(
            constraint, columns=columns_of(constraint.columns), expression=expression_of(constraint.expression)
        )
        if constraint.references == table:
            changed = replace(changed, referenced_columns=columns_of(constraint.referenced_columns))
        return changed

    draft.alter(
        table,
        columns={(new if name == old else name): column_of(column) for name, column in relation.columns.items()},
        constraints={name: constraint_of(constraint) for name, constraint in relation.constraints.items()},
        triggers={
            name: replace(trigger, update_columns=columns_of(trigger.update_columns), when=expression_of(trigger.when))
            for name, trigger in relation.triggers.items()
        },
        statistics_columns={
            name: frozenset(columns_of(tuple(used))) for name, used in relation.statistics_columns.items()
        },
        rule_columns={name: frozenset(columns_of(tuple(used))) for name, used in relation.rule_columns.items()},
        policies={
            name: replace(policy, using=expression_of(policy.using), with_check=expression_of(policy.with_check))
            for name, policy in relation.policies.items()
        },
    )
    if relation.partitioning is not None:
        keys = tuple(new if column == old else column for column in relation.partitioning.columns)
        draft.alter(table, partitioning=replace(relation.partitioning, columns=keys))
    for index in draft.catalog.indexes_of(table):
        indexed = tuple(
            replace(key, column=new if key.column == old else key.column, expression=expression_of(key.expression))
            for key in index.keys
        )
        draft.put_index(
            replace(index, keys=indexed, included=columns_of(index.included), predicate=expression_of(index.predicate))
        )
    for owner, constraint in tuple(draft.catalog.foreign_keys_to(table)):
        if owner.name != table and old in constraint.referenced_columns:
            referenced = columns_of(constraint.referenced_columns)
            draft.put_constraint(owner.name, replace(constraint, referenced_columns=referenced))
    for other in tuple(draft.catalog.relations.values()):
        if other.owned_by == (table, old):
            draft.alter(other.name, owned_by=(table, new))
        read = other.reads.get(table)
        if read is not None and old in read:
            draft.alter(other.name, reads={**other.reads, table: (read - {old}) | {new}})


def _expression(draft: Draft, expression: Expression | None, old: str, new: str) -> Expression | None:
    if expression is None or expression.node is None:
        return expression
    node = pg.Node()
    node.CopyFrom(wrap(expression.node))
    touched = False
    for reference in walk_kinds(node, pg.ColumnRef):
        for field in reference.fields:
            if field.WhichOneof("node") == "string" and field.string.sval == old:
                field.string.sval = new
                touched = True
    return draft.expression(node) if touched else expression


def rename_schema(draft: Draft, old: str, new: str) -> None:
    """Give a schema another name, and everything in it."""
    draft.remove_schema(old)
    draft.put_schema(new)
    for relation in tuple(draft.catalog.relations.values()):
        current = draft.catalog.relations.get(relation.name)
        if current is not None and relation.name.schema == old:
            move_relation(draft, relation.name, Name(new, relation.name.name))
    for user_type in tuple(draft.catalog.types.values()):
        if user_type.name.schema == old:
            move_type(draft, user_type.name, Name(new, user_type.name.name))
    for functions in tuple(draft.catalog.functions.values()):
        for function in functions:
            if function.name.schema == old:
                draft.remove_function(function)
                draft.put_function(replace(function, name=Name(new, function.name.name)))
    for extension in tuple(draft.catalog.extensions.values()):
        if extension.schema == old:
            draft.put_extension(replace(extension, schema=new))


def set_schema(draft: Draft, node: Any) -> None:
    """Replay ALTER … SET SCHEMA."""
    schema = node.newschema
    kind = node.object_type
    if kind in _RELATIONS:
        relation = draft.relation(node.relation)
        if relation is not None:
            move_relation(draft, relation.name, Name(schema, relation.name.name))
    elif kind in {pg.OBJECT_TYPE, pg.OBJECT_DOMAIN}:
        found = draft.user_type(node.object)
        if found is not None:
            move_type(draft, found.name, Name(schema, found.name.name))
    elif kind in _FUNCTIONS:
        move_function(draft, node.object, schema=schema)
    elif kind == pg.OBJECT_EXTENSION:
        move_extension(draft, string(node.object), schema)

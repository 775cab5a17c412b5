"""What each object of a catalog depends on, and which names were looked up to know it."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from postgast import pg_query_pb2 as pg

from sluicegate.catalog.columns_used import expression_columns, index_columns
from sluicegate.catalog.model import ConstraintKind, Index, Name, Relation, RelationKind, TypeKind, UserType
from sluicegate.catalog.routines import Extension
from sluicegate.effects.mentions import Mentions
from sluicegate.effects.subquery_reads import old_and_new_columns, subquery_reads
from sluicegate.effects.things import Need, Sort, Thing, extension_thing, function_thing, relation_thing, schema_thing
from sluicegate.statements.nodes import walk_kinds

if TYPE_CHECKING:
    from sluicegate.catalog.model import Catalog, Expression, Function, SqlType


class Edge(NamedTuple):
    """One row of ``pg_depend``."""

    dependent: Thing
    on: Thing
    need: Need


class Edges(NamedTuple):
    """What the parts of one object depend on.

    Attributes:
        edges: the dependencies, in the order in which they are found.
        names: the names without schema that were looked up; while none of them is added, changed or taken away and
            the object stays the same value, neither do its edges.
        fixed: False where more than names decided (partitions at any depth, subqueries), so nothing can be said.
    """

    edges: tuple[Edge, ...]
    names: frozenset[str]
    fixed: bool


Object = Relation | Index | UserType | Extension | tuple["Function", ...]
"""A value of a catalog's mappings; functions are there by name, with their overloads."""


class EdgeReader:
    """Reads edges off one catalog."""

    def __init__(self, catalog: Catalog, search_path: tuple[str, ...]) -> None:
        self.catalog = catalog
        self._mentions = Mentions(catalog, search_path)
        self._path = search_path
        self._edges: list[Edge] = []
        self._names: set[str] = set()
        self._fixed = True

    def read(self, value: Object) -> Edges:
        """Return an object's edges."""
        self._edges, self._names, self._fixed = [], set(), True
        match value:
            case Relation():
                self._relation(value)
            case Index():
                self._index(value)
            case UserType():
                self._type(value)
            case Extension():
                self._add(extension_thing(value.name), schema_thing(value.schema))
            case _:
                for function in value:
                    self._function(function)
        return Edges(tuple(self._edges), frozenset(self._names), self._fixed)

    def _add(self, dependent: Thing, on: Thing, need: Need = Need.NORMAL) -> None:
        if dependent != on:
            self._edges.append(Edge(dependent, on, need))

    def _find_relation(self, name: Name) -> Relation | None:
        self._names.add(name.name)
        return self.catalog.relations.get(name)

    def _relation(self, relation: Relation) -> None:
        thing = relation_thing(relation.name)
        self._add(thing, schema_thing(relation.name.schema))
        for parent in relation.parents:
            self._add(thing, relation_thing(parent), Need.AUTO if relation.bound is not None else Need.NORMAL)
        if relation.of_type is not None:
            self._add(thing, relation_thing(relation.of_type))
        if relation.owned_by is not None:
            table, column = relation.owned_by
            owner = self._find_relation(table)
            identity = owner is not None and column in owner.columns and owner.columns[column].identity is not None
            self._add(thing, Thing(Sort.COLUMN, table, column), Need.INTERNAL if identity else Need.AUTO)
        for name in relation.statistics:
            self._add(Thing(Sort.STATISTICS, relation.name, name), thing, Need.AUTO)
        for name in relation.rules:
            self._add(Thing(Sort.RULE, relation.name, name), thing, Need.AUTO)
            for column in relation.rule_columns.get(name, ()):
                self._add(Thing(Sort.RULE, relation.name, name), Thing(Sort.COLUMN, relation.name, column))
            for read in relation.rule_reads.get(name, ()):
                self._add(Thing(Sort.RULE, relation.name, name), relation_thing(read))
        self._columns(relation, thing)
        self._constraints(relation, thing)
        self._triggers(relation, thing)
        self._policies(relation, thing)
        for read, columns in relation.reads.items():
            self._add(thing, relation_thing(read))
            for column in columns or ():
                self._add(thing, Thing(Sort.COLUMN, read, column))
        if relation.query is not None:
            self._mentioned(thing, relation.query, relations=False)

    def _columns(self, relation: Relation, thing: Thing) -> None:
        is_view = relation.kind in {RelationKind.VIEW, RelationKind.MATERIALIZED_VIEW}
        for column in relation.columns.values():
            own = Thing(Sort.COLUMN, relation.name, column.name)
            self._add(own, thing, Need.AUTO)
            for on in self._type_things(column.type):
                # A view cannot lose a column: it goes as a whole.
                self._add(thing if is_view else own, on)
            if column.default is None:
                continue
            default = own if column.generated is not None else Thing(Sort.DEFAULT, relation.name, column.name)
            if default != own:
                self._add(default, own, Need.AUTO)
            else:
                for used in expression_columns(column.default, relation.columns):
                    self._add(own, Thing(Sort.COLUMN, relation.name, used))
            self._mentioned(default, column.default)

    def _constraints(self, relation: Relation, thing: Thing) -> None:
        for constraint in relation.constraints.values():
            if constraint.kind is ConstraintKind.NOT_NULL:
                continue
            own = Thing(Sort.CONSTRAINT, relation.name, constraint.name)
            self._add(own, thing, Need.AUTO)
            for column in (*constraint.columns, *expression_columns(constraint.expression, relation.columns)):
                self._add(own, Thing(Sort.COLUMN, relation.name, column), Need.AUTO)
            if constraint.expression is not None:
                self._mentioned(own, constraint.expression)
            if constraint.inherited and relation.bound is not None and relation.parents:
                self._inherited(relation, constraint.name, own)
            if constraint.references is None:
                continue
            self._add(own, relation_thing(constraint.references))
            target = self._find_relation(constraint.references)
            if target is not None and target.kind is RelationKind.PARTITIONED:
                self._fixed = False
                for partition in self.catalog.descendants_of(target.name):
                    self._add(own, relation_thing(partition.name))
            for column in constraint.referenced_columns:
                self._add(own, Thing(Sort.COLUMN, constraint.references, column))
            key = self._referenced_key(constraint.references, constraint.referenced_columns)
            if key is not None:
                self._add(own, key)

    def _inherited(self, relation: Relation, name: str, own: Thing) -> None:
        parent = self._find_relation(relation.parents[0])
        constraint = relation.constraints[name]
        for candidate in parent.constraints.values() if parent is not None else ():
            if candidate.kind is constraint.kind and candidate.columns == constraint.columns:
                self._add(own, Thing(Sort.CONSTRAINT, relation.parents[0], candidate.name), Need.INTERNAL)
                return

    def _referenced_key(self, table: Name, columns: tuple[str, ...]) -> Thing | None:
        """Return the constraint or index that makes the referenced columns unique."""
        best: Thing | None = None
        self._names.add(table.name)  # which stands for its indexes too
        for index in self.catalog.indexes_of(table):
            keys = tuple(key.column for key in index.keys)
            if not index.unique or index.predicate is not None or set(keys) != set(columns):
                continue
            if index.constraint is not None:
                relation = self.catalog.relations.get(table)
                constraint = relation.constraints.get(index.constraint) if relation is not None else None
                found = Thing(Sort.CONSTRAINT, table, index.constraint)
                if constraint is not None and constraint.kind is ConstraintKind.PRIMARY_KEY:
                    return found
                best = best or found
            else:
                best = best or Thing(Sort.INDEX, index.name)
        return best

    def _triggers(self, relation: Relation, thing: Thing) -> None:
        for trigger in relation.triggers.values():
            own = Thing(Sort.TRIGGER, relation.name, trigger.name)
            self._add(own, thing, Need.AUTO)
            for column in (*trigger.update_columns, *sorted(old_and_new_columns(trigger.when))):
                self._add(own, Thing(Sort.COLUMN, relation.name, column))
            self._names.add(trigger.function.name)
            for function in self.catalog.functions.get(trigger.function, ()):
                self._add(own, function_thing(function))
            parent = self._find_relation(relation.parents[0]) if relation.bound and relation.parents else None
            if parent is not None and trigger.for_each_row and trigger.name in parent.triggers:
                self._add(own, Thing(Sort.TRIGGER, parent.name, trigger.name), Need.INTERNAL)

    def _policies(self, relation: Relation, thing: Thing) -> None:
        for policy in relation.policies.values():
            own = Thing(Sort.POLICY, relation.name, policy.name)
            self._add(own, thing, Need.AUTO)
            for expression in (policy.using, policy.with_check):
                if expression is None:
                    continue
                for column in expression_columns(expression, relation.columns):
                    self._add(own, Thing(Sort.COLUMN, relation.name, column))
                self._fixed = self._fixed and next(walk_kinds(expression.node, pg.SubLink), None) is None
                for read, columns in subquery_reads(expression.node, self.catalog, self._path).items():
                    for column in columns or ():
                        self._add(own, Thing(Sort.COLUMN, read, column))
                self._mentioned(own, expression)

    def _index(self, index: Index) -> None:
        own = Thing(Sort.INDEX, index.name)
        relation = self._find_relation(index.table)
        if index.constraint is not None:
            self._add(own, Thing(Sort.CONSTRAINT, index.table, index.constraint), Need.INTERNAL)
        else:
            self._add(own, relation_thing(index.table), Need.AUTO)
            for column in index_columns(index, relation.columns) if relation is not None else ():
                self._add(own, Thing(Sort.COLUMN, index.table, column), Need.AUTO)
        if index.parent is not None:
            self._add(own, Thing(Sort.INDEX, index.parent), Need.INTERNAL)
        for key in index.keys:
            if key.expression is not None:
                self._mentioned(own, key.expression)
        if index.predicate is not None:
            self._mentioned(own, index.predicate)
        if index.method in {"hnsw", "ivfflat"}:
            self._add(own, extension_thing("vector"))

    def _type(self, user_type: UserType) -> None:
        own = Thing(Sort.TYPE, user_type.name)
        if user_type.extension is not None:
            self._add(own, extension_thing(user_type.extension), Need.INTERNAL)
        else:
            self._add(own, schema_thing(user_type.name.schema))
        for base in (user_type.base, user_type.subtype):
            for on in self._type_things(base) if base is not None else ():
                self._add(own, on)
        for constraint in user_type.constraints.values():
            if constraint.expression is not None:
                # A domain's check is its own object, but it takes no table along.
                self._mentioned(Thing(Sort.CONSTRAINT, user_type.name, constraint.name), constraint.expression)
        if user_type.kind is TypeKind.COMPOSITE and self._find_relation(user_type.name) is not None:
            self._add(relation_thing(user_type.name), own, Need.INTERNAL)

    def _function(self, function: Function) -> None:
        own = function_thing(function)
        if function.extension is not None:
            self._add(own, extension_thing(function.extension), Need.INTERNAL)
        else:
            self._add(own, schema_thing(function.name.schema))
        for read, columns in function.reads.items():
            self._add(own, relation_thing(read))
            for column in columns or ():
                self._add(own, Thing(Sort.COLUMN, read, column))
        for used in (*function.argument_types, *((function.returns,) if function.returns else ())):
            for on in self._type_things(used):
                self._add(own, on)

    def _type_things(self, sql_type: SqlType) -> tuple[Thing, ...]:
        """Return the type, or the relation whose row type it is."""
        self._names.add(sql_type.name.name)
        if sql_type.name in self.catalog.types:
            return (Thing(Sort.TYPE, sql_type.name),)
        if sql_type.name in self.catalog.relations:
            return (relation_thing(sql_type.name),)
        return ()

    def _mentioned(self, dependent: Thing, expression: Expression, *, relations: bool = True) -> None:
        if expression.node is None:
            return
        found = self._mentions.of(expression.node)
        self._names |= found.names
        for function in found.functions:
            self._add(dependent, function_thing(function))
        for name in found.types:
            self._add(dependent, Thing(Sort.TYPE, name))
        for name in found.sequences if not relations else (*found.relations, *found.sequences):
            self._add(dependent, relation_thing(name))
        if found.vector:
            self._add(dependent, extension_thing("vector"))

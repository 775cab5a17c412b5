"""CREATE INDEX and the copies of an index that partitions get."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

from postgast import pg_query_pb2 as pg

from sluicegate.catalog.model import Constraint, Index, IndexKey, Name, RelationKind
from sluicegate.catalog.naming import choose, clip, column_name, index_column_names, index_key_name, joined_columns
from sluicegate.catalog.types import CATALOG_SCHEMA
from sluicegate.statements.nodes import option_texts, qualified, strings

if TYPE_CHECKING:
    from sluicegate.catalog.model import Relation
    from sluicegate.catalog.replay.draft import Draft


def create_index(draft: Draft, node: Any) -> None:
    """Replay CREATE INDEX."""
    relation = draft.relation(node.relation)
    if relation is None:
        return
    schema = relation.name.schema
    if node.idxname and node.if_not_exists and draft.relation_name_taken(schema)(clip(node.idxname)):
        return
    elements = [item.index_elem for item in node.index_params]
    included = tuple(item.index_elem.name for item in node.index_including_params)
    names = index_column_names([*(index_key_name(element) for element in elements), *included])
    name = clip(node.idxname) or choose(
        relation.name.name, joined_columns(names), "idx", draft.relation_name_taken(schema)
    )
    index = Index(
        Name(schema, name),
        relation.name,
        node.access_method or "btree",
        tuple(_key(draft, element) for element in elements),
        included=included,
        unique=node.unique,
        predicate=draft.expression(node.where_clause) if node.HasField("where_clause") else None,
        options=option_texts(node.options),
        nulls_not_distinct=node.nulls_not_distinct,
        tablespace=node.table_space or None,
        created_in=draft.catalog.transaction,
    )
    # ON ONLY leaves the parent's index invalid until every partition has an attached one.
    children = draft.catalog.children_of(relation.name)
    only = relation.kind is RelationKind.PARTITIONED and not node.relation.inh
    add_index(draft, replace(index, valid=not (only and children)), recurse=not only)


def _key(draft: Draft, element: Any) -> IndexKey:
    descending = element.ordering == pg.SORTBY_DESC
    return IndexKey(
        element.name or None,
        draft.expression(element.expr) if element.HasField("expr") else None,
        strings(element.opclass)[-1] if element.opclass else None,
        find_collation(element.collation),
        descending=descending,
        nulls_first=element.nulls_ordering == pg.SORTBY_NULLS_FIRST
        or (descending and element.nulls_ordering != pg.SORTBY_NULLS_LAST),
    )


def find_collation(names: Any) -> Name | None:
    """Return a collation's full name, or None for an empty list."""
    if not names:
        return None
    schema, name = qualified(names)
    return Name(schema or CATALOG_SCHEMA, name)


def add_index(draft: Draft, index: Index, *, recurse: bool = True) -> None:
    """Add an index to a table, and its copies to partitions."""
    draft.put_index(index)
    if recurse and draft.catalog.relations[index.table].kind is RelationKind.PARTITIONED:
        clone_index_to_children(draft, index)


def clone_index_to_children(draft: Draft, parent: Index) -> None:
    """Give each partition an index like its parent's, taking one that already fits."""
    for child in draft.catalog.children_of(parent.table):
        if child.kind is not RelationKind.FOREIGN:
            clone_index(draft, parent, child)


def clone_index(draft: Draft, parent: Index, child: Relation, *, adopt: bool = True) -> None:
    """Give a partition an index like its parent's, taking one that already fits unless told not to.

    Source: ``DefineIndex`` and ``AttachPartitionEnsureIndexes`` in PostgreSQL: a free index of the same definition is
    attached, else one is built under a name chosen afresh.
    """
    constraint = draft.catalog.relations[parent.table].constraints.get(parent.constraint or "")
    for candidate in draft.catalog.indexes_of(child.name) if adopt else ():
        if candidate.parent is None and same_definition(candidate, parent) and candidate.valid:
            if constraint is not None and candidate.constraint is None:
                continue
            draft.put_index(replace(candidate, parent=parent.name))
            if constraint is not None and candidate.constraint is not None:
                own = draft.catalog.relations[child.name].constraints[candidate.constraint]
                draft.put_constraint(child.name, replace(own, local=False, inherited=1))
            clone_index_to_children(draft, draft.catalog.indexes[candidate.name])
            return
    names = [key.column or (column_name(key.expression.node) if key.expression else "expr") for key in parent.keys]
    names = ["expr" if name == "?column?" else name for name in names]
    label, second = "idx", joined_columns(index_column_names([*names, *parent.included]))
    if constraint is not None:
        label = {"primary key": "pkey", "unique": "key", "exclude": "excl"}[constraint.kind.value]
        second = "" if label == "pkey" else second
    schema = child.name.schema
    relation_taken, constraint_taken = draft.relation_name_taken(schema), draft.constraint_name_taken(schema)
    name = choose(
        child.name.name,
        second or None,
        label,
        lambda tried: relation_taken(tried) or (constraint is not None and constraint_taken(tried)),
    )
    clone = draft.put_index(
        replace(
            parent,
            name=Name(schema, name),
            table=child.name,
            parent=parent.name,
            constraint=name if constraint is not None else None,
            valid=True,
            created_in=draft.catalog.transaction,
        )
    )
    if constraint is not None:
        draft.put_constraint(
            child.name,
            Constraint(
                name,
                constraint.kind,
                constraint.columns,
                deferrable=constraint.deferrable,
                index=clone.name,
                without_overlaps=constraint.without_overlaps,
                local=False,
                inherited=1,
            ),
        )
    if child.kind is RelationKind.PARTITIONED:
        clone_index_to_children(draft, clone)


def same_definition(one: Index, other: Index) -> bool:
    """Tell whether two indexes are alike enough for one to stand for the other on a partition."""
    return (
        one.method == other.method
        and one.unique == other.unique
        and one.nulls_not_distinct == other.nulls_not_distinct
        and one.included == other.included
        and len(one.keys) == len(other.keys)
        and all(_same_key(a, b) for a, b in zip(one.keys, other.keys, strict=True))
        and _same_expression(one.predicate, other.predicate)
    )


def _same_key(one: IndexKey, other: IndexKey) -> bool:
    return (
        one.column == other.column
        and _same_expression(one.expression, other.expression)
        and (one.operator_class == other.operator_class or None in {one.operator_class, other.operator_class})
        and one.collation == other.collation
    )


def _same_expression(one: Any, other: Any) -> bool:
    from sluicegate.statements.nodes import same_tree

    if one is None or other is None:
        return one is other
    return one.sql == other.sql or same_tree(one.node, other.node)

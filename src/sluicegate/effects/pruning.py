"""Which partitions and inheritance children a statement touches, from its conditions on the partition key."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from sluicegate.catalog.model import RelationKind
from sluicegate.catalog.types import CATALOG_SCHEMA
from sluicegate.effects.bounds import Bound, bound_of
from sluicegate.effects.constants import Incomparable
from sluicegate.effects.context import Refused
from sluicegate.effects.hash_partitions import partition_hash
from sluicegate.effects.proofs import Fact, alternatives, excludes, within
from sluicegate.statements.nodes import strings, walk_kinds

if TYPE_CHECKING:
    from sluicegate.catalog.model import Catalog, Relation
    from sluicegate.effects.context import Context
    from sluicegate.effects.query_levels import Read


_NULL = frozenset({None})


def partitions_read(context: Context, read: Read) -> list[Relation]:
    """Return the relations that a read of a table opens: itself, its children, the partitions that may match."""
    relation = read.relation
    if read.only:
        return [relation]
    if relation.kind is not RelationKind.PARTITIONED:
        return [relation, *context.catalog.descendants_of(relation.name)]
    return [relation, *matching_partitions(context.catalog, relation, own_facts(read, relation, context.catalog))]


def own_facts(read: Read, relation: Relation, catalog: Catalog) -> tuple[tuple[Fact, ...], ...]:
    """Return what a read's conditions guarantee for the rows it wants."""
    from postgast import pg_query_pb2 as pg

    facts: list[tuple[Fact, ...]] = []
    for condition in read.level.conditions:
        references = [strings(reference.fields) for reference in walk_kinds(condition, pg.ColumnRef)]
        if any(len(parts) > 1 and parts[-2] != read.source.name for parts in references):
            continue
        try:
            facts += _null_test(condition, relation) or alternatives(condition, relation, catalog)
        except (Incomparable, Refused):
            continue
    return tuple(facts)


def _null_test(condition: Any, relation: Relation) -> list[tuple[Fact, ...]]:
    from postgast import pg_query_pb2 as pg

    if not isinstance(condition, pg.NullTest) or condition.nulltesttype != pg.IS_NULL:
        return []
    for reference in walk_kinds(condition.arg, pg.ColumnRef):
        column = strings(reference.fields)[-1]
        return [(Fact(column, values=_NULL),)] if column in relation.columns else []
    return []


def matching_partitions(catalog: Catalog, parent: Relation, facts: tuple[tuple[Fact, ...], ...]) -> list[Relation]:
    """Return the partitions, at every depth, that rows with these facts may be in."""
    found: list[Relation] = []
    children = catalog.children_of(parent.name)
    for child in children:
        if _excluded(catalog, parent, child, children, facts):
            continue
        found.append(child)
        if child.kind is RelationKind.PARTITIONED:
            found += matching_partitions(catalog, child, facts)
    return found


def _excluded(
    catalog: Catalog,
    parent: Relation,
    child: Relation,
    siblings: tuple[Relation, ...],
    facts: tuple[tuple[Fact, ...], ...],
) -> bool:
    partitioning = parent.partitioning
    if partitioning is None or not facts:
        return False
    try:
        bound = bound_of(child, parent, catalog)
        if bound.strategy == "hash":
            return _outside_hash(parent, bound, facts)
        if len(partitioning.columns) != 1 or partitioning.columns[0] is None:
            return False
        column = partitioning.columns[0]
        if any(group == (Fact(column, values=_NULL),) for group in facts):
            holders = [one for one in siblings if None in bound_of(one, parent, catalog).values]
            return child not in holders if holders else not bound.default
        if bound.default:
            others = [bound_of(one, parent, catalog) for one in siblings if one.bound != "DEFAULT"]
            return any(all(any(within(fact, column, other) for other in others) for fact in group) for group in facts)
        return excludes(facts, column, bound)
    except Incomparable:
        return False


def _outside_hash(parent: Relation, bound: Bound, facts: tuple[tuple[Fact, ...], ...]) -> bool:
    """Tell whether none of the key's possible values hashes to a partition; needs every column of the key."""
    values: dict[str, Any] = {}
    for group in facts:
        if len(group) == 1 and group[0].values is not None and len(group[0].values) == 1:
            values[group[0].column] = next(iter(group[0].values))
    hashed = key_hash(parent, values)
    return hashed is not None and hashed % bound.modulus != bound.remainder


def key_hash(parent: Relation, values: dict[str, Any]) -> int | None:
    """Return the hash of a row's partition key, or None when it cannot be told."""
    keys = []
    for column in parent.partitioning.columns if parent.partitioning is not None else ():
        found = parent.columns.get(column) if column is not None else None
        if found is None or found.name not in values or found.type.array or found.type.name.schema != CATALOG_SCHEMA:
            return None
        keys.append((found.type.name.name, values[found.name]))
    return partition_hash(keys) if keys else None


def route(catalog: Catalog, parent: Relation, values: dict[str, Any]) -> Relation | None:
    """Return the partition that a row with these key values goes to, None when there is none.

    Raises:
        Incomparable: it cannot be told.
    """
    partitioning = parent.partitioning
    if partitioning is None or (len(partitioning.columns) != 1 and partitioning.strategy != "hash"):
        raise Incomparable
    default: Relation | None = None
    chosen: Relation | None = None
    hashed = key_hash(parent, values) if partitioning.strategy == "hash" else None
    if partitioning.strategy == "hash" and hashed is None:
        raise Incomparable
    column = partitioning.columns[0]
    if column is None or (partitioning.strategy != "hash" and column not in values):
        raise Incomparable
    for child in catalog.children_of(parent.name):
        bound = bound_of(child, parent, catalog)
        if bound.default:
            default = child
        elif bound.strategy == "hash":
            if hashed is not None and hashed % bound.modulus == bound.remainder:
                chosen = child
        elif _holds(bound, column, values[column]):
            chosen = child
    return chosen or default


def _holds(bound: Bound, column: str, value: Any) -> bool:
    if value is None:
        return bound.strategy == "list" and None in bound.values
    return within(Fact(column, values=frozenset({value})), column, bound)

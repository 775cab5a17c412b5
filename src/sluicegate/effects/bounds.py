"""Partition bounds: reading them, where they overlap, and when a table's constraints already prove one."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from postgast import pg_query_pb2 as pg

from sluicegate.effects.constants import Incomparable, constant, less
from sluicegate.effects.context import Refused
from sluicegate.statements.nodes import unwrap

if TYPE_CHECKING:
    from sluicegate.catalog.model import Catalog, Relation

_STRATEGIES = {"l": "list", "r": "range", "h": "hash"}


@dataclass(frozen=True, slots=True)
class Edge:
    """One column of a range bound: -1 is MINVALUE, +1 MAXVALUE, 0 a value."""

    infinite: int
    value: Any = None

    def __lt__(self, other: Edge) -> bool:
        if self.infinite or other.infinite:
            return self.infinite < other.infinite
        return less(self.value, other.value)


@dataclass(frozen=True, slots=True)
class Bound:
    """A partition's bound; exactly the fields of its strategy are set."""

    strategy: str
    lower: tuple[Edge, ...] = ()
    upper: tuple[Edge, ...] = ()
    values: tuple[Any, ...] = ()
    modulus: int = 0
    remainder: int = 0
    default: bool = False


def read_bound(spec: Any, parent: Relation, catalog: Catalog) -> Bound:
    """Read a ``PartitionBoundSpec`` against the table it is for.

    Source: ``transformPartitionBound`` in PostgreSQL's parse_utilcmd.c.

    Raises:
        Refused: the bound does not fit the table.
        Incomparable: it holds a value whose order is not known.
    """
    partitioning = parent.partitioning
    if partitioning is None:
        raise Refused("42P17", f'"{parent.name.name}" is not partitioned')
    if spec.is_default:
        if partitioning.strategy == "hash":
            raise Refused("42P16", "a hash-partitioned table may not have a default partition")
        return Bound(partitioning.strategy, default=True)
    if _STRATEGIES.get(spec.strategy) != partitioning.strategy:
        article = "an" if partitioning.strategy[0] in "aeiou" else "a"
        raise Refused("42P16", f"invalid bound specification for {article} {partitioning.strategy} partition")
    if partitioning.strategy == "hash":
        if spec.modulus <= 0:
            raise Refused("42P16", "modulus for hash partition must be an integer value greater than zero")
        if not 0 <= spec.remainder < spec.modulus:
            raise Refused("42P16", "remainder for hash partition must be less than modulus")
        return Bound("hash", modulus=spec.modulus, remainder=spec.remainder)
    types = [_key_type(parent, column) for column in partitioning.columns]
    if partitioning.strategy == "list":
        values = dict.fromkeys(constant(item, types[0], catalog) for item in spec.listdatums)
        return Bound("list", values=tuple(values))
    for word, datums in (("FROM", spec.lowerdatums), ("TO", spec.upperdatums)):
        if len(datums) != len(types):
            raise Refused("42P16", f"{word} must specify exactly one value per partitioning column")
    return Bound(
        "range", lower=_edges(spec.lowerdatums, types, catalog), upper=_edges(spec.upperdatums, types, catalog)
    )


def _key_type(parent: Relation, column: str | None) -> Any:
    found = parent.columns.get(column) if column is not None else None
    if found is None:
        raise Incomparable
    return found.type


def _edges(datums: Any, types: list[Any], catalog: Catalog) -> tuple[Edge, ...]:
    edges = []
    for item, sql_type in zip(datums, types, strict=True):
        inner = unwrap(item)
        word = _infinity(inner)
        if word is not None:
            edges.append(Edge(word))
            continue
        value = constant(item, sql_type, catalog)
        if value is None:
            raise Refused("42P17", "cannot specify NULL in range bound")
        edges.append(Edge(0, value))
    return tuple(edges)


def _infinity(node: Any) -> int | None:
    if isinstance(node, pg.PartitionRangeDatum):
        return {pg.PARTITION_RANGE_DATUM_MINVALUE: -1, pg.PARTITION_RANGE_DATUM_MAXVALUE: 1}.get(node.kind)
    if isinstance(node, pg.ColumnRef) and len(node.fields) == 1:
        return {"minvalue": -1, "maxvalue": 1}.get(node.fields[0].string.sval)
    return None


def bound_of(partition: Relation, parent: Relation, catalog: Catalog) -> Bound:
    """Return the bound of a partition that exists.

    Raises:
        Incomparable: it cannot be read.
    """
    if partition.bound == "DEFAULT":
        return Bound(parent.partitioning.strategy if parent.partitioning else "", default=True)
    if partition.bound_node is None:
        raise Incomparable
    try:
        return read_bound(partition.bound_node, parent, catalog)
    except Refused as refused:
        raise Incomparable from refused


def check_new_bound(name: str, bound: Bound, parent: Relation, catalog: Catalog) -> None:
    """Refuse a bound that is empty or overlaps a sibling's (``check_new_partition_bound`` in partbounds.c).

    Raises:
        Refused: it does (42P17).
        Incomparable: it cannot be told.
    """
    siblings = [(child, bound_of(child, parent, catalog)) for child in catalog.children_of(parent.name)]
    if bound.default:
        for child, other in siblings:
            if other.default:
                raise Refused(
                    "42P17", f'partition "{name}" conflicts with existing default partition "{child.name.name}"'
                )
        return
    if bound.strategy == "range" and not _less(bound.lower, bound.upper):
        raise Refused("42P17", f'empty range bound specified for partition "{name}"')
    if bound.strategy == "hash":
        for _, other in siblings:
            if bound.modulus % other.modulus and other.modulus % bound.modulus:
                raise Refused("42P17", "every hash partition modulus must be a factor of the next larger modulus")
    for child, other in siblings:
        if not other.default and _overlap(bound, other):
            raise Refused("42P17", f'partition "{name}" would overlap partition "{child.name.name}"')


def _less(one: tuple[Edge, ...], other: tuple[Edge, ...]) -> bool:
    """Compare range bounds column by column; behind an infinite one the rest does not count."""
    for mine, theirs in zip(one, other, strict=True):
        if mine < theirs:
            return True
        if theirs < mine or mine.infinite:
            return False
    return False


def _overlap(one: Bound, other: Bound) -> bool:
    match one.strategy:
        case "list":
            return bool(set(one.values) & set(other.values))
        case "hash":
            smaller = min(one.modulus, other.modulus)
            return one.remainder % smaller == other.remainder % smaller
        case _:
            return _less(one.lower, other.upper) and _less(other.lower, one.upper)

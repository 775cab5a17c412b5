"""When a table's constraints already prove a partition's bound, so that the server need not read the table.

Source: ``predicate_implied_by`` in PostgreSQL's predtest.c as ``ConstraintImpliedByRelConstraint`` in tablecmds.c uses
it: validated CHECK constraints and NOT NULL columns on one side, the partition's constraint on the other. This proves a
part of what the server can: comparisons of one column with constants, IN lists, OR and AND of them.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from postgast import pg_query_pb2 as pg

from sluicegate.catalog.model import ConstraintKind
from sluicegate.effects.bounds import Bound, Edge, bound_of
from sluicegate.effects.constants import Incomparable, constant, less
from sluicegate.effects.context import Refused
from sluicegate.statements.nodes import string, strings, unwrap

if TYPE_CHECKING:
    from sluicegate.catalog.model import Catalog, Relation

_FLIPPED = {"<": ">", "<=": ">=", ">": "<", ">=": "<=", "=": "=", "<>": "<>"}


@dataclass(frozen=True, slots=True)
class Fact:
    """Something known of one column in every row: what ``values`` or the interval allows, or that it is not NULL.

    ``unlike`` is a value that it is not.

    A fact other than ``not_null`` says nothing about rows where the column is NULL: a CHECK accepts those.
    """

    column: str
    lower: Any = None
    lower_included: bool = False
    upper: Any = None
    upper_included: bool = False
    values: frozenset[Any] | None = None
    unlike: Any = None
    not_null: bool = False


def known_facts(relation: Relation, catalog: Catalog) -> tuple[tuple[Fact, ...], ...]:
    """Return what a table's constraints guarantee: a conjunction of alternatives."""
    facts: list[tuple[Fact, ...]] = [
        (Fact(column.name, not_null=True),)
        for column in relation.columns.values()
        if column.not_null and column.not_null_validated
    ]
    for constraint in relation.constraints.values():
        if constraint.kind is ConstraintKind.CHECK and constraint.validated and constraint.enforced:
            node = constraint.expression.node if constraint.expression is not None else None
            for conjunct in _conjuncts(node):
                facts += alternatives(conjunct, relation, catalog)
    return tuple(facts)


def proves_bound(relation: Relation, bound: Bound, parent: Relation, catalog: Catalog) -> bool:
    """Tell whether a table's constraints prove that all its rows fit a bound of ``parent``."""
    if parent.partitioning is None or len(parent.partitioning.columns) != 1 or bound.strategy == "hash":
        return False
    column = parent.partitioning.columns[0]
    if column is None:
        return False
    facts = known_facts(relation, catalog)
    try:
        if bound.default:
            siblings = [bound_of(child, parent, catalog) for child in catalog.children_of(parent.name)]
            return all(sibling.default or excludes(facts, column, sibling) for sibling in siblings)
        accepts_null = bound.strategy == "list" and None in bound.values
        not_null = any(fact.not_null and fact.column == column for alternatives in facts for fact in alternatives)
        if not not_null and not accepts_null:
            return False
        return any(
            all(within(fact, column, bound) for fact in alternatives)
            for alternatives in facts
            if not any(fact.not_null for fact in alternatives)
        ) or _together_within(facts, column, bound)
    except Incomparable:
        return False


def excludes_bound(relation: Relation, bound: Bound, parent: Relation, catalog: Catalog) -> bool:
    """Tell whether a DEFAULT partition's constraints prove that none of its rows belongs to a new bound."""
    if parent.partitioning is None or len(parent.partitioning.columns) != 1:
        return False
    column = parent.partitioning.columns[0]
    try:
        return column is not None and excludes(known_facts(relation, catalog), column, bound)
    except Incomparable:
        return False


def _conjuncts(node: Any) -> list[Any]:
    inner = unwrap(node)
    if isinstance(inner, pg.BoolExpr) and inner.boolop == pg.AND_EXPR:
        return [part for argument in inner.args for part in _conjuncts(argument)]
    return [inner] if inner is not None else []


def alternatives(node: Any, relation: Relation, catalog: Catalog) -> list[tuple[Fact, ...]]:
    """Return what a condition says of single columns: a conjunction of alternatives; nothing where it says more."""
    if isinstance(node, pg.BoolExpr) and node.boolop == pg.OR_EXPR:
        found = [alternatives(unwrap(argument), relation, catalog) for argument in node.args]
        if all(len(one) == 1 and len(one[0]) == 1 for one in found):
            return [tuple(one[0][0] for one in found)]
        return []
    facts = _facts(node, relation, catalog)
    return [(fact,) for fact in facts]


def _facts(node: Any, relation: Relation, catalog: Catalog) -> list[Fact]:
    if isinstance(node, pg.NullTest) and node.nulltesttype == pg.IS_NOT_NULL:
        column = _column(node.arg, relation)
        return [Fact(column, not_null=True)] if column else []
    if not isinstance(node, pg.A_Expr):
        return []
    try:
        match node.kind:
            case pg.AEXPR_OP:
                return _comparison(node, relation, catalog)
            case pg.AEXPR_IN | pg.AEXPR_OP_ANY if strings(node.name) == ("=",):
                return _membership(node, relation, catalog)
            case pg.AEXPR_BETWEEN:
                column = _column(node.lexpr, relation)
                if column:
                    low, high = (_value(item, column, relation, catalog) for item in unwrap(node.rexpr).items)
                    return [Fact(column, low, True, high, True)]
    except (Incomparable, Refused):
        return []
    return []


def _comparison(node: Any, relation: Relation, catalog: Catalog) -> list[Fact]:
    operator = strings(node.name)[-1]
    column, other = _column(node.lexpr, relation), node.rexpr
    if column is None:
        column, other, operator = _column(node.rexpr, relation), node.lexpr, _FLIPPED.get(operator, "")
    if column is None or operator not in _FLIPPED:
        return []
    value = _value(other, column, relation, catalog)
    match operator:
        case "=":
            return [Fact(column, values=frozenset({value}))]
        case "<>":
            return [Fact(column, unlike=value)]
        case "<" | "<=":
            return [Fact(column, upper=value, upper_included=operator == "<=")]
        case _:
            return [Fact(column, lower=value, lower_included=operator == ">=")]


def _membership(node: Any, relation: Relation, catalog: Catalog) -> list[Fact]:
    column = _column(node.lexpr, relation)
    inner = unwrap(node.rexpr)
    items = inner.items if isinstance(inner, pg.List) else inner.elements if isinstance(inner, pg.A_ArrayExpr) else None
    if column is None or items is None:
        return []
    return [Fact(column, values=frozenset(_value(item, column, relation, catalog) for item in items))]


def _column(node: Any, relation: Relation) -> str | None:
    inner = unwrap(node)
    while isinstance(inner, pg.TypeCast):
        inner = unwrap(inner.arg)
    if isinstance(inner, pg.ColumnRef) and inner.fields:
        name = string(inner.fields[-1])
        return name if name in relation.columns else None
    return None


def _value(node: Any, column: str, relation: Relation, catalog: Catalog) -> Any:
    value = constant(node, relation.columns[column].type, catalog)
    if value is None:
        raise Incomparable
    return value


# -- one column's facts against a bound --------------------------------------------------------------------------------


def within(fact: Fact, column: str, bound: Bound) -> bool:
    """Tell whether a fact about a column keeps every row inside a bound (rows with NULL apart)."""
    if fact.column != column or fact.not_null:
        return False
    if bound.strategy == "list":
        return fact.values is not None and fact.values <= set(bound.values)
    lower, upper = bound.lower[0], bound.upper[0]
    if fact.values is not None:
        return all(_at_least(value, lower) and _below(value, upper) for value in fact.values)
    return _lower_holds(fact, lower) and _upper_holds(fact, upper)


def _together_within(facts: tuple[tuple[Fact, ...], ...], column: str, bound: Bound) -> bool:
    """Prove a range's two sides from two facts."""
    if bound.strategy != "range":
        return False
    single = [alternatives[0] for alternatives in facts if len(alternatives) == 1 and alternatives[0].column == column]
    return any(_lower_holds(fact, bound.lower[0]) for fact in [*single, Fact(column)] if not fact.not_null) and any(
        _upper_holds(fact, bound.upper[0]) for fact in [*single, Fact(column)] if not fact.not_null
    )


def _lower_holds(fact: Fact, lower: Edge) -> bool:
    if lower.infinite < 0:
        return True
    if fact.values is not None:
        return all(_at_least(value, lower) for value in fact.values)
    return fact.lower is not None and _at_least(fact.lower, lower)


def _upper_holds(fact: Fact, upper: Edge) -> bool:
    if upper.infinite > 0:
        return True
    if fact.values is not None:
        return all(_below(value, upper) for value in fact.values)
    if fact.upper is None or upper.infinite:
        return False
    return less(fact.upper, upper.value) or (not fact.upper_included and bool(fact.upper == upper.value))


def excludes(facts: tuple[tuple[Fact, ...], ...], column: str, bound: Bound) -> bool:
    """Tell whether facts about a column leave no row for a bound."""
    return any(all(_outside(fact, column, bound) for fact in alternatives) for alternatives in facts)


def _outside(fact: Fact, column: str, bound: Bound) -> bool:
    if fact.column != column:
        return False
    if fact.not_null:
        return bound.strategy == "list" and set(bound.values) == {None}
    if bound.strategy == "hash":
        return False
    if bound.strategy == "list":
        wanted = set(bound.values) - {None}
        if fact.values is not None:
            return not fact.values & wanted and None not in bound.values
        return None not in bound.values and all(not allows(fact, value) for value in wanted)
    lower, upper = bound.lower[0], bound.upper[0]
    if fact.values is not None:
        return all(not (_at_least(value, lower) and _below(value, upper)) for value in fact.values)
    below = fact.upper is not None and not lower.infinite
    if below and (less(fact.upper, lower.value) or (not fact.upper_included and fact.upper == lower.value)):
        return True
    return fact.lower is not None and not upper.infinite and not less(fact.lower, upper.value)


def allows(fact: Fact, value: Any) -> bool:
    """Tell whether a value is within the interval of a fact."""
    if fact.unlike is not None and fact.unlike == value:
        return False
    if fact.lower is not None and (less(value, fact.lower) or (value == fact.lower and not fact.lower_included)):
        return False
    return not (
        fact.upper is not None and (less(fact.upper, value) or (value == fact.upper and not fact.upper_included))
    )


def _at_least(value: Any, lower: Edge) -> bool:
    return lower.infinite < 0 or (not lower.infinite and not less(value, lower.value))


def _below(value: Any, upper: Edge) -> bool:
    return upper.infinite > 0 or (not upper.infinite and less(value, upper.value))

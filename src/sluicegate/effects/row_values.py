"""Constants that a table's constraints reject whatever its rows hold: NULL, values outside a CHECK, no partition."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from postgast import pg_query_pb2 as pg

from sluicegate.catalog.model import ConstraintKind, RelationKind, TypeKind
from sluicegate.effects.constants import Incomparable, constant
from sluicegate.effects.context import Refused
from sluicegate.effects.proofs import allows, alternatives
from sluicegate.effects.pruning import route
from sluicegate.effects.query_levels import conjuncts
from sluicegate.statements.nodes import unwrap

if TYPE_CHECKING:
    from sluicegate.catalog.model import Catalog, Column, Relation
    from sluicegate.effects.context import Context


def constant_values(relation: Relation, values: dict[str, Any], catalog: Catalog) -> dict[str, Any]:
    """Return the assigned values that are constants, read as the columns' types; None stands for NULL."""
    found: dict[str, Any] = {}
    for name, node in values.items():
        column = relation.columns.get(name)
        if column is None:
            continue
        if is_null(node):
            found[name] = None
            continue
        try:
            found[name] = constant(node, column.type, catalog)
        except (Incomparable, Refused):
            continue
    return found


def is_null(node: Any) -> bool:
    """Tell whether a value is the constant NULL."""
    inner = unwrap(node)
    while isinstance(inner, pg.TypeCast):
        inner = unwrap(inner.arg)
    return isinstance(inner, pg.A_Const) and inner.isnull


def rejected(relation: Relation, values: dict[str, Any], catalog: Catalog) -> Refused | None:
    """Return why constants cannot be a row's values, or None when nothing here rejects them.

    Source: ``ExecConstraints`` in PostgreSQL's executor/execMain.c.
    """
    for name, value in values.items():
        column = relation.columns[name]
        if value is None and (column.not_null or _domain_not_null(column, catalog)):
            return null_violation(relation, name)
    for constraint in relation.constraints.values():
        if constraint.kind is not ConstraintKind.CHECK or not constraint.enforced or constraint.expression is None:
            continue
        for part in conjuncts(constraint.expression.node):
            if _fails(part, relation, values, catalog):
                return Refused(
                    "23514",
                    f'new row for relation "{relation.name.name}" violates check constraint "{constraint.name}"',
                )
    return None


def null_violation(relation: Relation, column: str) -> Refused:
    """Return the error for NULL in a NOT NULL column."""
    return Refused(
        "23502", f'null value in column "{column}" of relation "{relation.name.name}" violates not-null constraint'
    )


def _domain_not_null(column: Column, catalog: Catalog) -> bool:
    user_type = catalog.types.get(column.type.name)
    return user_type is not None and user_type.kind is TypeKind.DOMAIN and user_type.not_null


def _fails(condition: Any, relation: Relation, values: dict[str, Any], catalog: Catalog) -> bool:
    """Tell whether a conjunct of a CHECK is false for constants: every alternative must reject them."""
    try:
        groups = alternatives(condition, relation, catalog)
        return any(
            group
            and all(
                fact.column in values
                and ((values[fact.column] is None) if fact.not_null else not _passes(fact, values[fact.column]))
                for fact in group
            )
            for group in groups
        )
    except (Incomparable, Refused):
        return False


def _passes(fact: Any, value: Any) -> bool:
    if value is None:
        return True  # a comparison with NULL is not false
    if fact.values is not None:
        return value in fact.values
    return allows(fact, value)


def destination(context: Context, relation: Relation, values: dict[str, Any]) -> Relation:
    """Return the leaf partition that a row of constants goes to.

    Raises:
        Incomparable: it cannot be told.
        Refused: there is none (23514).
    """
    current = relation
    while current.kind is RelationKind.PARTITIONED:
        found = route(context.catalog, current, values)
        if found is None:
            raise Refused("23514", f'no partition of relation "{current.name.name}" found for row')
        current = found
    return current

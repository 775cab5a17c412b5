"""Constants that a table's constraints reject whatever its rows hold: NULL, values outside a CHECK, no partition."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

from postgast import pg_query_pb2 as pg

from sluicegate.catalog.model import ConstraintKind, RelationKind, TypeKind
from sluicegate.effects.constant_conditions import Constants
from sluicegate.effects.constants import Incomparable, constant
from sluicegate.effects.context import Refused
from sluicegate.effects.model import LockMode
from sluicegate.effects.proofs import allows, alternatives
from sluicegate.effects.pruning import route
from sluicegate.effects.query_levels import conjuncts
from sluicegate.effects.reading import sequence_argument
from sluicegate.statements.nodes import strings, unwrap, walk_kinds

if TYPE_CHECKING:
    from collections.abc import Collection

    from sluicegate.catalog.model import Catalog, Column, Relation, UserType
    from sluicegate.effects.context import Context

_ASSIGNS_NEW = re.compile(r"\bnew\s*(\.\s*\w+\s*)?:?=|\binto\s+(strict\s+)?new\b")


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

    Source: ``ExecConstraints`` in PostgreSQL's executor/execMain.c; values become a domain's before that.
    """
    for name, value in values.items():
        refusal = _rejected_by_domain(relation.columns[name], value, catalog)
        if refusal is not None:
            return refusal
    for name, value in values.items():
        column = relation.columns[name]
        if value is None and (column.not_null or _domain_not_null(column, catalog)):
            return null_violation(relation, name)
    for constraint in relation.constraints.values():
        if constraint.kind is not ConstraintKind.CHECK or not constraint.enforced or constraint.expression is None:
            continue
        for part in conjuncts(constraint.expression.node):
            if _fails(part, relation, values, catalog) or _is_false(part, relation, values, catalog):
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


def _is_false(condition: Any, relation: Relation, values: dict[str, Any], catalog: Catalog) -> bool:
    types = {column.name: column.type for column in relation.columns.values()}
    try:
        return Constants(values, types, catalog).holds(condition) is False
    except (Incomparable, Refused):
        return False


def _rejected_by_domain(column: Column, value: Any, catalog: Catalog) -> Refused | None:
    """Return the error of a domain's CHECK, or of one it is made from."""
    domain: UserType | None = None if column.type.array else catalog.types.get(column.type.name)
    while domain is not None and domain.kind is TypeKind.DOMAIN and domain.base is not None:
        types = {"value": domain.base}
        for constraint in domain.constraints.values():
            if constraint.kind is not ConstraintKind.CHECK or constraint.expression is None:
                continue
            try:
                holds = Constants({"value": value}, types, catalog).holds(constraint.expression.node)
            except (Incomparable, Refused):
                continue
            if holds is False:
                message = f'value for domain {domain.name.name} violates check constraint "{constraint.name}"'
                return Refused("23514", message)
        domain = catalog.types.get(domain.base.name)
    return None


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


def outside_partition(context: Context, relation: Relation, values: dict[str, Any]) -> Refused | None:
    """Return the error of a row that does not belong into the partition which the statement names."""
    parent = context.catalog.relations.get(relation.parents[0]) if relation.bound and relation.parents else None
    if parent is None or relation.kind is not RelationKind.TABLE:
        return None
    try:
        found = destination(context, parent, values)
    except Refused:
        found = None
    except Incomparable:
        return None
    if found is None or found.name != relation.name:
        return Refused("23514", f'new row for relation "{relation.name.name}" violates partition constraint')
    return None


def note_default(context: Context, relation: Relation, column: Column) -> None:
    """Note the sequence that gives a column's value when a statement does not."""
    if column.identity is not None:
        for sequence in context.catalog.relations.values():
            if sequence.owned_by == (relation.name, column.name):
                context.builder.lock(sequence, LockMode.RowExclusiveLock)
    elif column.default is not None and column.generated is None:
        for call in walk_kinds(column.default.node, pg.FuncCall):
            if strings(call.funcname)[-1] == "nextval" and call.args:
                found = sequence_argument(context, call.args[0])
                if found is not None:
                    context.builder.lock(found, LockMode.RowExclusiveLock)


def note_unique(context: Context, relation: Relation, columns: Collection[str], *, itself: bool = False) -> None:
    """Note that new values fail where a row has them already.

    Args:
        context: the statement's context.
        relation: the table.
        columns: the columns that get values of the statement's own.
        itself: whether rows are changed, so that some columns of a key are enough.
    """
    for index in context.catalog.indexes_of(relation.name):
        keys = {key.column for key in index.keys if key.column is not None}
        if not index.unique or not index.valid or not keys or len(keys) != len(index.keys):
            continue
        if (keys & set(columns)) if itself else keys <= set(columns):
            context.builder.depends(f"fails if {relation.name} holds a row with the same {', '.join(sorted(keys))}")


def may_be_changed(context: Context, relation: Relation, event: str) -> bool:
    """Tell whether a BEFORE trigger may give a row other values than the statement does, or leave it out."""
    for trigger in relation.triggers.values():
        if trigger.timing != "before" or event not in trigger.events or trigger.enabled == "D":
            continue
        for function in context.catalog.functions.get(trigger.function, ()):
            body = function.body.lower()
            if function.language != "plpgsql" or _ASSIGNS_NEW.search(body) or "return null" in body:
                return True
    return False

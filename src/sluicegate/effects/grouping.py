"""Aggregates and GROUP BY: whether a query aggregates, and which ungrouped column makes the server reject it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from postgast import pg_query_pb2 as pg

from sluicegate.catalog.builtins import builtins
from sluicegate.catalog.expressions import Invalid
from sluicegate.catalog.model import ConstraintKind
from sluicegate.catalog.type_facts import type_facts
from sluicegate.catalog.types import display
from sluicegate.effects.operator_classes import default_operator_class
from sluicegate.statements.nodes import same_tree, string, strings, unwrap, value_of

if TYPE_CHECKING:
    from collections.abc import Iterator

    from sluicegate.effects.context import Context
    from sluicegate.effects.scopes import OutputColumns, Scope, Source

_LATEST = 18


def has_aggregates(node: Any) -> bool:
    """Tell whether a ``SelectStmt`` aggregates at its own level."""
    places = [item.res_target.val for item in node.target_list]
    places += [item.sort_by.node for item in node.sort_clause]
    if node.HasField("having_clause"):
        return True
    return any(is_aggregate(call) for place in places for call in own_calls(place))


def is_aggregate(call: Any) -> bool:
    """Tell whether a function call is an aggregate and not a window function."""
    if call.HasField("over"):
        return False
    if call.agg_star or call.agg_within_group or call.agg_distinct:
        return True
    candidates = builtins(_LATEST).functions(strings(call.funcname)[-1])
    return bool(candidates) and all(candidate.kind == "a" for candidate in candidates)


def own_calls(node: Any) -> Iterator[Any]:
    """Yield the function calls of an expression, those of subqueries left out."""
    inner = unwrap(node)
    if inner is None or isinstance(inner, pg.SelectStmt):
        return
    if isinstance(inner, pg.FuncCall):
        yield inner
    for descriptor, value in inner.ListFields():
        if descriptor.message_type is None:
            continue
        for child in [value] if hasattr(value, "DESCRIPTOR") else value:
            yield from own_calls(child)


def check_grouping(node: Any, scope: Scope, context: Context) -> None:
    """Refuse an output column that is neither grouped nor aggregated.

    Source: ``check_ungrouped_columns`` in PostgreSQL's parser/parse_agg.c.

    Raises:
        Invalid: there is one (42803).
    """
    if not node.group_clause and not has_aggregates(node):
        return
    groups = []
    for item in node.group_clause:
        inner = unwrap(item)
        if isinstance(inner, pg.GroupingSet):
            return
        groups.append(_meant(inner, node))
    keys = {_key(group, scope) for group in groups if isinstance(group, pg.ColumnRef)}
    for item in node.target_list:
        _check(item.res_target.val, groups, keys, scope, context)
    if node.HasField("having_clause"):
        _check(node.having_clause, groups, keys, scope, context)


def check_comparable(columns: OutputColumns, context: Context) -> None:
    """Refuse DISTINCT, GROUP BY and UNION over a type without equality, such as json.

    Raises:
        Invalid: there is one (42883).
    """
    for _, sql_type in columns:
        if sql_type is None or sql_type.array or not type_facts(sql_type, context.catalog).known:
            continue
        if type_facts(sql_type, context.catalog).pseudo:
            continue
        if not any(
            default_operator_class(method, sql_type, context.catalog, context.version) for method in ("btree", "hash")
        ):
            raise Invalid("42883", f"could not identify an equality operator for type {display(sql_type)}")


def _meant(group: Any, node: Any) -> Any:
    """Return the expression that a GROUP BY item stands for: a position or an output name means an output."""
    if isinstance(group, pg.A_Const) and isinstance(value_of(group), int):
        position = value_of(group)
        return unwrap(node.target_list[position - 1].res_target.val) if position <= len(node.target_list) else group
    if isinstance(group, pg.ColumnRef) and len(group.fields) == 1:
        for item in node.target_list:
            if item.res_target.name and item.res_target.name == string(group.fields[0]):
                return unwrap(item.res_target.val)
    return group


def _key(reference: Any, scope: Scope) -> tuple[int, str]:
    parts = strings(reference.fields)
    source = _source(parts, scope)
    return (id(source), parts[-1])


def _source(parts: tuple[str, ...], scope: Scope) -> Source | None:
    for source in scope.sources:
        if (len(parts) > 1 and source.answers(parts)) or (len(parts) == 1 and source.find(parts[-1])):
            return source
    return None


def _check(node: Any, groups: list[Any], keys: set[tuple[int, str]], scope: Scope, context: Context) -> None:
    inner = unwrap(node)
    if inner is None or isinstance(inner, pg.SelectStmt | pg.SubLink):
        return
    if any(same_tree(inner, group) for group in groups):
        return
    if isinstance(inner, pg.FuncCall) and is_aggregate(inner):
        return
    if isinstance(inner, pg.ColumnRef):
        if isinstance(unwrap(inner.fields[-1]), pg.A_Star):
            if len(inner.fields) == 1:
                for source in scope.sources:
                    for name, _ in source.columns:
                        _check_column((name,), source, keys)
            return
        parts = strings(inner.fields)
        owner = _source(parts, scope)
        if owner is not None and owner.find(parts[-1]):
            _check_column(parts, owner, keys)
        return
    for descriptor, value in inner.ListFields():
        if descriptor.message_type is None:
            continue
        for child in [value] if hasattr(value, "DESCRIPTOR") else value:
            _check(child, groups, keys, scope, context)


def _check_column(parts: tuple[str, ...], source: Source, keys: set[tuple[int, str]]) -> None:
    if (id(source), parts[-1]) in keys or _determined(source, keys):
        return
    raise Invalid(
        "42803",
        f'column "{source.name}.{parts[-1]}" must appear in the GROUP BY clause or be used in an aggregate function',
    )


def _determined(source: Source, keys: set[tuple[int, str]]) -> bool:
    """Tell whether the grouped columns hold the table's primary key, which determines its other columns."""
    if source.relation is None:
        return False
    return any(
        constraint.kind is ConstraintKind.PRIMARY_KEY
        and not constraint.deferrable
        and all((id(source), column) in keys for column in constraint.columns)
        for constraint in source.relation.constraints.values()
    )

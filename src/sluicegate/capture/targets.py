"""What the entries of a target list ask for: aggregates, sets, stars."""

from __future__ import annotations

from typing import Any

from postgast import pg_query_pb2 as pg

from sluicegate.statements import nodes

_AGGREGATES = frozenset(
    {"count", "array_agg", "json_agg", "jsonb_agg", "string_agg", "max", "min", "sum", "bool_or", "bool_and", "every"}
)


def is_aggregate(node: Any) -> bool:
    """Tell whether an expression computes an aggregate of its own query, not of a query inside it."""
    inner = nodes.unwrap(node)
    if inner is None or isinstance(inner, pg.SubLink):
        return False
    if isinstance(inner, pg.FuncCall) and nodes.qualified(inner.funcname)[1] in _AGGREGATES:
        return True
    for descriptor, value in inner.ListFields():
        if descriptor.message_type is not None:
            children = [value] if hasattr(value, "DESCRIPTOR") else value
            if any(is_aggregate(child) for child in children):
                return True
    return False


def is_unnest(value: Any) -> bool:
    """Tell whether an expression is a call of ``unnest`` with one array."""
    inner = nodes.unwrap(value)
    return isinstance(inner, pg.FuncCall) and nodes.qualified(inner.funcname)[1] == "unnest" and len(inner.args) == 1


def has_aggregate(select: pg.SelectStmt) -> bool:
    """Tell whether a query without GROUP BY gives exactly one row because it aggregates."""
    return not select.group_clause and any(is_aggregate(nodes.unwrap(target).val) for target in select.target_list)


def star(value: Any) -> str | None:
    """Return the alias before ``.*``, an empty string for a bare star, None for anything else."""
    inner = nodes.unwrap(value)
    if isinstance(inner, pg.ColumnRef) and isinstance(nodes.unwrap(inner.fields[-1]), pg.A_Star):
        return nodes.string(inner.fields[-2]) if len(inner.fields) > 1 else ""
    return None

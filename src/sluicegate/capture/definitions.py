"""Indexes and constraints as PostgreSQL's own functions show them."""

from __future__ import annotations

from typing import TYPE_CHECKING

from postgast import pg_query_pb2 as pg

from sluicegate.catalog.model import ConstraintKind, Name
from sluicegate.statements import nodes

if TYPE_CHECKING:
    from sluicegate.catalog.model import Constraint, Index, IndexKey


def index_definition(index: Index) -> str:
    """Return an index as ``pg_get_indexdef`` shows it, as far as the catalog tells."""
    keys = []
    for key in index.keys:
        text = _identifier(key.column) if key.column else key_expression(key)
        if key.operator_class:
            text += f" {key.operator_class}"
        if key.descending:
            text += " DESC" + ("" if key.nulls_first else " NULLS LAST")
        elif key.nulls_first:
            text += " NULLS FIRST"
        keys.append(text)
    unique = "UNIQUE " if index.unique else ""
    table = f"{_identifier(index.table.schema)}.{_identifier(index.table.name)}"
    text = f"CREATE {unique}INDEX {_identifier(index.name.name)} ON {table} USING {index.method} ({', '.join(keys)})"
    if index.included:
        text += f" INCLUDE ({', '.join(map(_identifier, index.included))})"
    if index.nulls_not_distinct:
        text += " NULLS NOT DISTINCT"
    if index.options:
        text += " WITH (" + ", ".join(f"{name}='{value}'" for name, value in index.options.items()) + ")"
    return text + (f" WHERE ({index.predicate.sql})" if index.predicate else "")


def key_expression(key: IndexKey) -> str:
    """Return the expression of an index key: in parentheses, unless it is a function call."""
    if key.expression is None:
        return ""
    text = key.expression.sql
    return text if isinstance(nodes.unwrap(key.expression.node), pg.FuncCall) else f"({text})"


def constraint_definition(constraint: Constraint) -> str:
    """Return a constraint as ``pg_get_constraintdef`` shows it, as far as the catalog tells."""
    columns = f"({', '.join(map(_identifier, constraint.columns))})"
    match constraint.kind:
        case ConstraintKind.CHECK:
            text = f"CHECK (({constraint.expression.sql if constraint.expression else ''}))"
        case ConstraintKind.FOREIGN_KEY:
            target = constraint.references or Name("", "")
            where = _identifier(target.name) if target.schema == "public" else f"{target.schema}.{target.name}"
            text = f"FOREIGN KEY {columns} REFERENCES {where}"
            text += f"({', '.join(map(_identifier, constraint.referenced_columns))})"
            text += f" ON UPDATE {constraint.on_update.upper()}" if constraint.on_update != "no action" else ""
            text += f" ON DELETE {constraint.on_delete.upper()}" if constraint.on_delete != "no action" else ""
        case ConstraintKind.NOT_NULL:
            text = f"NOT NULL {', '.join(constraint.columns)}"
        case _:
            text = f"{constraint.kind.value.upper()} {columns}"
    text += " DEFERRABLE" if constraint.deferrable else ""
    return text + ("" if constraint.validated else " NOT VALID")


def _identifier(name: str) -> str:
    return name if name.isidentifier() and name == name.lower() else '"' + name.replace('"', '""') + '"'

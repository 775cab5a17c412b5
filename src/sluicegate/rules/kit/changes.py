"""Changes of rows: which table, which rows, and whether a handful of them was picked by key."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from postgast import pg_query_pb2 as pg

from sluicegate.catalog.model import ConstraintKind
from sluicegate.rules.kit.bodies import read_body
from sluicegate.statements.nodes import string, unwrap, walk_kinds

if TYPE_CHECKING:
    from collections.abc import Iterator

    from sluicegate.catalog.model import Catalog, Name
    from sluicegate.rules.kit.context import Context


@dataclass(frozen=True, slots=True)
class DataChange:
    """One UPDATE, DELETE, MERGE or INSERT … SELECT.

    Attributes:
        verb: the statement in capitals.
        table: the table whose rows it changes; for INSERT … SELECT the table it reads.
        target: the table that it writes.
        alters_rows: whether rows that were there before change or go.
        filtered: whether it has a WHERE.
        picks_by_key: whether constants pick its rows through a unique key, so that there are only a few.
        node: its parse tree; None inside a DO block.
    """

    verb: str
    table: Name
    target: Name
    alters_rows: bool
    filtered: bool
    picks_by_key: bool
    node: Any = None

    @property
    def extent(self) -> str:
        """Say which rows, so that the name of the table can follow."""
        return "touches rows of" if self.filtered else "touches every row of"


def data_changes(context: Context) -> Iterator[DataChange]:
    """Yield the changes of rows in a statement, those in WITH clauses and DO blocks among them."""
    if context.kind == "do_stmt":
        yield from _in_block(context)
        return
    for node in walk_kinds(context.node, pg.UpdateStmt, pg.DeleteStmt, pg.MergeStmt, pg.InsertStmt):
        target = context.name_of(node.relation)
        if isinstance(node, pg.InsertStmt):
            yield from _inserted(context, node, target)
            continue
        verb = type(node).__name__.removesuffix("Stmt").upper()
        where = None if isinstance(node, pg.MergeStmt) else node.where_clause
        filtered = isinstance(node, pg.MergeStmt) or node.HasField("where_clause")
        by_key = where is not None and filtered and picks_by_key(where, context.before, target)
        yield DataChange(verb, target, target, alters_rows=True, filtered=filtered, picks_by_key=by_key, node=node)


def _inserted(context: Context, node: Any, target: Name) -> Iterator[DataChange]:
    conflict = node.on_conflict_clause
    if node.HasField("on_conflict_clause") and conflict.action == pg.ONCONFLICT_UPDATE:
        values = bool(node.select_stmt.select_stmt.values_lists)
        yield DataChange("INSERT … ON CONFLICT DO UPDATE", target, target, True, True, values, node)
    select = node.select_stmt.select_stmt
    common = {cte.ctename for cte in walk_kinds(node, pg.CommonTableExpr)}
    for source in walk_kinds(select, pg.RangeVar):
        if not source.schemaname and source.relname in common:
            continue
        name = context.name_of(source)
        filtered = select.HasField("where_clause")
        by_key = filtered and picks_by_key(select.where_clause, context.before, name)
        yield DataChange("INSERT … SELECT", name, target, False, filtered, by_key, node)


def _in_block(context: Context) -> Iterator[DataChange]:
    for argument in context.node.args:
        if argument.def_elem.defname != "as":
            continue
        body = read_body(string(argument.def_elem.arg))
        if body is None:
            continue
        for verb, tables in (("UPDATE", body.updates), ("DELETE", body.deletes)):
            for schema, name in tables:
                table = context.lookup(schema, name)
                yield DataChange(f"{verb} in a DO block", table, table, True, True, picks_by_key=False)


def picks_by_key(where: Any, catalog: Catalog, table: Name) -> bool:
    """Tell whether a condition compares every column of a unique key with constants."""
    relation = catalog.relations.get(table)
    if relation is None:
        return False
    compared = set(_compared(where))
    keys = [
        set(constraint.columns)
        for constraint in relation.constraints.values()
        if constraint.kind in (ConstraintKind.PRIMARY_KEY, ConstraintKind.UNIQUE)
    ]
    keys += [
        {key.column or "" for key in index.keys}
        for index in catalog.indexes_of(table)
        if index.unique and index.predicate is None
    ]
    return any(key and key <= compared for key in keys)


def _compared(where: Any) -> Iterator[str]:
    node = unwrap(where)
    if isinstance(node, pg.BoolExpr) and node.boolop == pg.AND_EXPR:
        for part in node.args:
            yield from _compared(part)
    elif isinstance(node, pg.A_Expr) and string(node.name[0]) == "=":
        left, right = unwrap(node.lexpr), unwrap(node.rexpr)
        if isinstance(right, pg.ColumnRef):
            left, right = right, left
        compares = node.kind in (pg.AEXPR_OP, pg.AEXPR_IN, pg.AEXPR_OP_ANY)
        if compares and isinstance(left, pg.ColumnRef) and _constant(right):
            yield string(left.fields[-1])


def _constant(node: Any) -> bool:
    inner = unwrap(node)
    if isinstance(inner, pg.A_Const):
        return True
    if isinstance(inner, pg.TypeCast):
        return _constant(inner.arg)
    if isinstance(inner, pg.List):
        return all(_constant(item) for item in inner.items)
    if isinstance(inner, pg.A_ArrayExpr):
        return all(_constant(item) for item in inner.elements)
    return False

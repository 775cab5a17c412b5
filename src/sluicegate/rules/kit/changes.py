"""Changes of rows: which table, which rows, and whether a handful of them was picked by key."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from postgast import pg_query_pb2 as pg

from sluicegate.catalog.model import ConstraintKind
from sluicegate.statements.nodes import options, string, unwrap, walk_kinds

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
        node: its parse tree.
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
    """Yield the changes of rows in a statement, those in WITH clauses among them.

    What PREPARE and EXPLAIN do not run is no change; EXECUTE runs what an earlier PREPARE of the revision holds.
    """
    node = _run(context)
    if node is None:
        return
    for change in walk_kinds(node, pg.UpdateStmt, pg.DeleteStmt, pg.MergeStmt, pg.InsertStmt):
        target = context.name_of(change.relation)
        if isinstance(change, pg.InsertStmt):
            yield from _inserted(context, change, target)
            continue
        verb = type(change).__name__.removesuffix("Stmt").upper()
        where = None if isinstance(change, pg.MergeStmt) else change.where_clause
        filtered = isinstance(change, pg.MergeStmt) or change.HasField("where_clause")
        by_key = where is not None and filtered and picks_by_key(where, context.before, target)
        yield DataChange(verb, target, target, alters_rows=True, filtered=filtered, picks_by_key=by_key, node=change)


def _run(context: Context) -> Any:
    """Return the tree that a statement runs, or None when it runs nothing."""
    if context.kind == "prepare_stmt":
        return None
    if context.kind == "explain_stmt":
        return context.node if options(context.node.options).get("analyze") else None
    if context.kind == "execute_stmt":
        prepared = (e.node for e in context.earlier() if e.kind == "prepare_stmt" and e.node.name == context.node.name)
        return next(prepared, None)
    return context.node


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


def picks_by_key(where: Any, catalog: Catalog, table: Name) -> bool:
    """Tell whether a condition compares every column of a unique key with constants."""
    relation = catalog.relations.get(table)
    compared = set(_compared(where))
    if relation is None or not relation.columns:
        return "id" in compared  # nobody showed us the table; a key by another name is not guessed
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

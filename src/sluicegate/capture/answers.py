"""What a recorded statement gives back: rows where the catalog knows them, column names in any case."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from postgast import pg_query_pb2 as pg

from sluicegate.statements import nodes

if TYPE_CHECKING:
    from sluicegate.catalog.model import Catalog
    from sluicegate.catalog.session import Session
    from sluicegate.statements.parse import Statement


@dataclass(frozen=True, slots=True)
class Answer:
    """The result of a statement.

    Attributes:
        columns: names of the columns; None for a statement that returns no rows.
        rows: the rows.
        rowcount: how many rows it returned or changed, -1 where that means nothing.
        certain: False when a real database could answer otherwise.
        sql: the statement, for saying so.
    """

    columns: tuple[str, ...] | None = None
    rows: tuple[tuple[Any, ...], ...] = ()
    rowcount: int = -1
    certain: bool = True
    sql: str = ""


def answer(statement: Statement, catalog: Catalog, session: Session, version: int) -> Answer:
    """Return what the statement gives back, as far as the catalog tells."""
    node = statement.node
    if isinstance(node, pg.SelectStmt):
        return Answer(column_names(node), certain=False, sql=statement.sql, rowcount=0)
    if isinstance(node, pg.InsertStmt | pg.UpdateStmt | pg.DeleteStmt | pg.MergeStmt):
        columns = tuple(_name(target) for target in node.returning_clause.exprs) or None
        return Answer(columns, certain=False, sql=statement.sql, rowcount=0)
    return Answer()


def column_names(select: pg.SelectStmt) -> tuple[str, ...]:
    """Return the names of a query's columns."""
    while select.op != pg.SETOP_NONE and select.HasField("larg"):
        select = select.larg
    if select.values_lists:
        return tuple(f"column{number + 1}" for number in range(len(nodes.unwrap(select.values_lists[0]).items)))
    return tuple(_name(target) for target in select.target_list)


def _name(target: Any) -> str:
    node = nodes.unwrap(target)
    return node.name or _natural_name(node.val) or "?column?"


def _natural_name(value: Any) -> str:
    """Return the name that PostgreSQL gives an unnamed column (FigureColname in parse_target.c, version 18)."""
    node = nodes.unwrap(value)
    if isinstance(node, pg.ColumnRef):
        return nodes.string(node.fields[-1])
    if isinstance(node, pg.A_Indirection):
        return next((name for name in map(nodes.string, reversed(node.indirection)) if name), "") or _natural_name(node.arg)
    if isinstance(node, pg.FuncCall):
        return nodes.qualified(node.funcname)[1]
    if isinstance(node, pg.TypeCast):
        return _natural_name(node.arg) or nodes.qualified(node.type_name)[1]
    if isinstance(node, pg.CollateClause):
        return _natural_name(node.arg)
    if isinstance(node, pg.SubLink):
        if node.sub_link_type == pg.EXISTS_SUBLINK:
            return "exists"
        if node.sub_link_type == pg.ARRAY_SUBLINK:
            return "array"
        return column_names(nodes.unwrap(node.subselect))[0] if node.sub_link_type == pg.EXPR_SUBLINK else ""
    if isinstance(node, pg.CaseExpr):
        return _natural_name(node.defresult) or "case"
    if isinstance(node, pg.SQLValueFunction):
        return pg.SQLValueFunctionOp.Name(node.op).removeprefix("SVFOP_").removesuffix("_N").lower()
    return _FIXED_NAMES.get(type(node), "")


_FIXED_NAMES: dict[type, str] = {
    pg.A_ArrayExpr: "array",
    pg.RowExpr: "row",
    pg.CoalesceExpr: "coalesce",
    pg.GroupingFunc: "grouping",
}

"""What a recorded statement gives back: rows where the catalog knows them, column names in any case."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from postgast import pg_query_pb2 as pg

from sluicegate.capture.functions import UnanswerableError, setting
from sluicegate.capture.inserted import inserted_rows
from sluicegate.capture.oids import Oid, RegName
from sluicegate.capture.pg_catalog import ShownType
from sluicegate.capture.queries import Query
from sluicegate.capture.targets import has_aggregate, star
from sluicegate.catalog.naming import column_name
from sluicegate.statements import nodes

if TYPE_CHECKING:
    from collections.abc import Iterable

    from sluicegate.capture.functions import Facts
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


def answer(statement: Statement, facts: Facts) -> Answer:
    """Return what the statement gives back, as far as the catalog tells."""
    return replace(_answer(statement.node, facts), sql=statement.sql)


def _answer(node: Any, facts: Facts) -> Answer:
    if isinstance(node, pg.SelectStmt):
        return _select(node, facts)
    if isinstance(node, pg.VariableShowStmt):
        try:
            return _rows((node.name,), [(setting(facts, node.name),)])
        except UnanswerableError:
            return replace(_rows((node.name,), [("",)]), certain=False)
    if isinstance(node, pg.InsertStmt):
        return _insert(node, facts)
    if isinstance(node, pg.UpdateStmt | pg.DeleteStmt | pg.MergeStmt):
        columns = _names(node.returning_clause.exprs) or None
        return Answer(columns, rowcount=0, certain=False)
    if isinstance(node, pg.ExplainStmt):
        return Answer(("QUERY PLAN",), rowcount=0, certain=False)
    return Answer()


def _select(select: pg.SelectStmt, facts: Facts) -> Answer:
    try:
        columns, rows = Query(facts).rows(select)
        return _rows(columns, rows)
    except (UnanswerableError, TypeError, ValueError, KeyError, IndexError, AttributeError, RecursionError):
        # What an evaluation of somebody's query stumbles over is the query's matter: it is not answered then.
        columns = _column_names(select, facts)
    if select.op == pg.SETOP_NONE and (has_aggregate(select) or not (select.from_clause or select.values_lists)):
        # Exactly one row comes back whatever the tables hold; what is in it is not known.
        return replace(_rows(columns, [tuple(_nothing(target) for target in select.target_list)]), certain=False)
    return Answer(columns, rowcount=0, certain=False)


def _nothing(target: Any) -> Any:
    """Return what a value is when every table is empty."""
    value = nodes.unwrap(nodes.unwrap(target).val)
    while isinstance(value, pg.TypeCast):
        value = nodes.unwrap(value.arg)
    if isinstance(value, pg.FuncCall) and nodes.qualified(value.funcname)[1] == "count":
        return 0
    if isinstance(value, pg.SubLink) and value.sub_link_type == pg.EXISTS_SUBLINK:
        return False
    if isinstance(value, pg.BoolExpr) and value.boolop == pg.NOT_EXPR:
        return True
    if isinstance(value, pg.CoalesceExpr):
        last = nodes.value_of(value.args[-1])
        return last if isinstance(last, int | str) else None
    if isinstance(value, pg.FuncCall) and nodes.qualified(value.funcname)[1] in ("nextval", "setval", "currval"):
        return 1
    return nodes.value_of(value) if isinstance(value, pg.A_Const) else None


def _insert(insert: pg.InsertStmt, facts: Facts) -> Answer:
    columns = _names(insert.returning_clause.exprs) or None
    rows = inserted_rows(insert, facts)
    if rows is None:
        return Answer(columns, rowcount=0, certain=False)
    if columns is None:
        return Answer(rowcount=len(rows))
    return _rows(columns, rows)


def _rows(columns: tuple[str, ...], rows: Iterable[tuple[Any, ...]]) -> Answer:
    shown = tuple(tuple(_given_out(value) for value in row) for row in rows)
    return Answer(columns, shown, len(shown))


def _given_out(value: Any) -> Any:
    """Return a value as a driver gives it out."""
    if isinstance(value, RegName):
        return str(value)
    if isinstance(value, Oid):
        return int(value)
    if isinstance(value, ShownType):
        return -1
    return [_given_out(item) for item in value] if isinstance(value, list) else value


def _column_names(select: pg.SelectStmt, facts: Facts) -> tuple[str, ...]:
    while select.op != pg.SETOP_NONE and select.HasField("larg"):
        select = select.larg
    if select.values_lists:
        return tuple(f"column{number + 1}" for number in range(len(nodes.unwrap(select.values_lists[0]).items)))
    if len(select.target_list) == 1 and len(select.from_clause) == 1:
        target, source = nodes.unwrap(select.target_list[0]), nodes.unwrap(select.from_clause[0])
        if isinstance(source, pg.RangeVar) and _names([select.target_list[0]]) == ("*",):
            found = facts.catalog.find_relation(source.schemaname or None, source.relname, facts.session.search_path)
            return tuple(found.columns) if found is not None else (target.name or "?column?",)
    return _names(select.target_list)


def _names(targets: Iterable[Any]) -> tuple[str, ...]:
    found = []
    for target in targets:
        inner = nodes.unwrap(target)
        found.append("*" if star(inner.val) is not None else inner.name or column_name(inner.val))
    return tuple(found)

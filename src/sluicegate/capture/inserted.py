"""Rows that INSERT … RETURNING gives back: what was inserted is known, and what the server adds is made up."""

from __future__ import annotations

import itertools
import uuid
from collections import defaultdict
from typing import TYPE_CHECKING, Any

from postgast import pg_query_pb2 as pg

from sluicegate.capture.expressions import Evaluator
from sluicegate.capture.functions import NOW, UnanswerableError
from sluicegate.statements import nodes

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from sluicegate.capture.functions import Facts
    from sluicegate.catalog.model import Name, Relation

_numbers = itertools.count(1)
_MADE_UP: dict[str, Callable[[], Any]] = {
    "int2": lambda: next(_numbers),
    "int4": lambda: next(_numbers),
    "int8": lambda: next(_numbers),
    "uuid": lambda: uuid.UUID(int=next(_numbers)),
    "text": lambda: str(next(_numbers)),
    "varchar": lambda: str(next(_numbers)),
    "bool": lambda: False,
    "timestamptz": lambda: NOW,
    "timestamp": lambda: NOW.replace(tzinfo=None),
    "date": NOW.date,
}


def inserted_rows(insert: pg.InsertStmt, facts: Facts) -> list[tuple[Any, ...]] | None:
    """Return the RETURNING row of each inserted row, empty ones without RETURNING.

    None when how many rows there are depends on what the database holds (INSERT … SELECT, ON CONFLICT).
    """
    if insert.HasField("on_conflict_clause"):
        return None
    given = _given_rows(insert)
    if given is None:
        return None
    relation = facts.catalog.find_relation(
        insert.relation.schemaname or None, insert.relation.relname, facts.session.search_path
    )
    columns = [nodes.unwrap(target).name for target in insert.cols]
    if not columns and relation is not None:
        columns = list(relation.columns)
    evaluator = Evaluator(facts, _no_subquery)
    rows = []
    for values in given:
        row = dict(_evaluated(dict(zip(columns, values, strict=False)), evaluator))
        if relation is not None:
            _count(relation, row)
        rows.append(tuple(_returned(target, row, relation) for target in insert.returning_clause.exprs))
    return rows


_counters: defaultdict[tuple[Name, str], Iterator[int]] = defaultdict(lambda: itertools.count(1))


def _count(relation: Relation, row: dict[str, Any]) -> None:
    """Number the row as a sequence would that no other session uses."""
    for column in relation.columns.values():
        counted = column.identity is not None or (
            column.default is not None and column.default.sql.startswith("nextval(")
        )
        if counted and column.name not in row:
            row[column.name] = next(_counters[relation.name, column.name])


def _given_rows(insert: pg.InsertStmt) -> list[list[Any]] | None:
    select = insert.select_stmt.select_stmt
    if not insert.HasField("select_stmt"):
        return [[]]  # DEFAULT VALUES
    if select.values_lists:
        return [list(nodes.unwrap(values).items) for values in select.values_lists]
    # SQLAlchemy keeps the order of many rows with INSERT … SELECT p0, p1 FROM (VALUES …) AS x(p0, p1, n) ORDER BY n.
    if len(select.from_clause) != 1 or select.HasField("where_clause"):
        return None
    source = nodes.unwrap(select.from_clause[0])
    if not isinstance(source, pg.RangeSubselect):
        return None
    inner = nodes.unwrap(source.subquery)
    if not inner.values_lists:
        return None
    names = [nodes.string(name) for name in source.alias.colnames]
    places = []
    for target in select.target_list:
        value = nodes.unwrap(nodes.unwrap(target).val)
        while isinstance(value, pg.TypeCast):
            value = nodes.unwrap(value.arg)
        name = nodes.string(value.fields[-1]) if isinstance(value, pg.ColumnRef) else ""
        places.append(names.index(name) if name in names else None)
    rows = [list(nodes.unwrap(values).items) for values in inner.values_lists]
    return [[None if place is None else row[place] for place in places] for row in rows]


def _evaluated(values: dict[str, Any], evaluator: Evaluator) -> Iterator[tuple[str, Any]]:
    for name, node in values.items():
        if node is None or isinstance(nodes.unwrap(node), pg.SetToDefault):
            continue
        try:
            yield name, evaluator.value(node, {})
        except UnanswerableError:
            continue


def _returned(target: Any, row: dict[str, Any], relation: Relation | None) -> Any:
    value = nodes.unwrap(nodes.unwrap(target).val)
    name = nodes.string(value.fields[-1]) if isinstance(value, pg.ColumnRef) else ""
    if name in row:
        return row[name]
    column = relation.columns.get(name) if relation is not None else None
    if column is None:
        return next(_numbers)
    maker = _MADE_UP.get(column.type.name.name)
    generated = column.default is not None or column.identity is not None
    return maker() if maker is not None and (generated or column.not_null) else None


def _no_subquery(*_: Any) -> list[tuple[Any, ...]]:
    raise UnanswerableError("subquery")

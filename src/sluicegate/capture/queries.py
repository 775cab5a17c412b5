"""Answer SELECTs over system tables: joins, conditions, grouping of one group, order and limit."""

from __future__ import annotations

import functools
from typing import TYPE_CHECKING, Any

from postgast import pg_query_pb2 as pg

from sluicegate.capture.expressions import Evaluator, Scope
from sluicegate.capture.functions import Facts, UnanswerableError, known_settings
from sluicegate.capture.information_schema import INFORMATION_SCHEMA
from sluicegate.capture.pg_catalog import PG_CATALOG
from sluicegate.capture.targets import is_aggregate, is_unnest, star
from sluicegate.catalog.naming import column_name
from sluicegate.statements import nodes

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

Row = tuple[Any, ...]
_ROWS_LIMIT = 2_000_000  # combinations tried by nested loops before a question is given up


class Query:
    """Answers over one state of the schema."""

    def __init__(self, facts: Facts) -> None:
        """Answer from these facts."""
        self._facts = facts
        self._evaluator = Evaluator(facts, lambda select, scope: self.rows(select, scope)[1])
        self._named: dict[str, tuple[tuple[str, ...], list[Row]]] = {}
        self._tried = 0

    def rows(self, select: pg.SelectStmt, outer: Scope | None = None) -> tuple[tuple[str, ...], list[Row]]:
        """Return names of columns and rows.

        Raises:
            UnanswerableError: the query reads something that only the database has, or is not understood.
        """
        if select.locking_clause or select.HasField("into_clause") or select.window_clause:
            raise UnanswerableError("locking or window clause")
        self._only_known_settings(select)
        scope = outer or {}
        if select.HasField("with_clause"):
            self._common_tables(select.with_clause, scope)
        if select.op != pg.SETOP_NONE:
            names, found = self._combined(select, scope)
            return names, self._limited(select, found, scope)
        if select.values_lists:
            found = [tuple(self._evaluator.value(i, scope) for i in nodes.unwrap(v).items) for v in select.values_lists]
            return tuple(f"column{number + 1}" for number in range(len(found[0]))), self._limited(select, found, scope)
        return self._simple(select, scope)

    def _only_known_settings(self, select: pg.SelectStmt) -> None:
        """Refuse a question about ``pg_settings`` that does not name settings which are known."""
        if not any(table.relname == "pg_settings" for table in nodes.walk_kinds(select, pg.RangeVar)):
            return
        named = {nodes.value_of(constant) for constant in nodes.walk_kinds(select.where_clause, pg.A_Const)}
        if not named or not named <= known_settings(self._facts).keys():
            raise UnanswerableError("pg_settings")

    # -- one SELECT -------------------------------------------------------------------------------------------------

    def _simple(self, select: pg.SelectStmt, scope: Scope) -> tuple[tuple[str, ...], list[Row]]:
        scopes = [
            found
            for found in self._sources(list(select.from_clause), scope)
            if not select.HasField("where_clause") or self._evaluator.is_true(select.where_clause, found)
        ]
        targets = [nodes.unwrap(target) for target in select.target_list]
        if select.group_clause or select.HasField("having_clause") or any(is_aggregate(t.val) for t in targets):
            return self._grouped(select, targets, scopes, scope)
        names = self._names(select, targets, scopes, scope)
        projected = [(row, found) for found in scopes for row in self._unnested(targets, found)]
        if select.sort_clause:
            projected = self._sorted(select, targets, names, projected)
        found = [row for row, _ in projected]
        if select.distinct_clause:
            if any(nodes.unwrap(item) is not None for item in select.distinct_clause):
                raise UnanswerableError("DISTINCT ON")
            found = [row for place, row in enumerate(found) if row not in found[:place]]
        return names, self._limited(select, found, scope)

    def _unnested(self, targets: list[Any], scope: Scope) -> Iterator[Row]:
        """Yield the rows of a target list: one, or one for each element where ``unnest()`` is among them."""
        places = [place for place, target in enumerate(targets) if is_unnest(target.val)]
        if not places:
            yield self._projected(targets, scope)
            return
        if len(places) > 1:
            raise UnanswerableError("several sets")
        place = places[0]
        array = self._evaluator.value(nodes.unwrap(targets[place].val).args[0], scope)
        others = self._projected([target for target in targets if target is not targets[place]], scope)
        for item in array or []:
            yield (*others[:place], item, *others[place:])

    def _projected(self, targets: list[Any], scope: Scope) -> Row:
        row: list[Any] = []
        for target in targets:
            alias = star(target.val)
            if alias is None:
                row.append(self._evaluator.value(target.val, scope))
            else:
                row += [value for _, value in _everything(scope, alias)]
        return tuple(row)

    def _names(self, select: pg.SelectStmt, targets: list[Any], scopes: list[Scope], outer: Scope) -> tuple[str, ...]:
        names: list[str] = []
        for target in targets:
            alias = star(target.val)
            if alias is None:
                names.append(target.name or column_name(target.val))
            elif scopes:
                names += [name for name, _ in _everything(scopes[0], alias)]
            else:
                names += [name for name, _ in _everything(self._blank(list(select.from_clause), outer), alias)]
        return tuple(names)

    def _sorted(
        self, select: pg.SelectStmt, targets: list[Any], names: tuple[str, ...], rows: list[tuple[Row, Scope]]
    ) -> list[tuple[Row, Scope]]:
        for clause in reversed(select.sort_clause):
            by = nodes.unwrap(clause)
            key = self._sort_key(by.node, targets, names)
            descending = by.sortby_dir == pg.SORTBY_DESC
            rows = sorted(rows, key=lambda entry: _orderable(key(entry)), reverse=descending)
        return rows

    def _sort_key(self, node: Any, targets: list[Any], names: tuple[str, ...]) -> Callable[[tuple[Row, Scope]], Any]:
        inner = nodes.unwrap(node)
        if isinstance(inner, pg.A_Const) and inner.WhichOneof("val") == "ival":
            return lambda entry: entry[0][inner.ival.ival - 1]
        if isinstance(inner, pg.ColumnRef) and len(inner.fields) == 1 and len(names) == len(targets):
            name = nodes.string(inner.fields[0])
            if name in names:
                place = names.index(name)
                return lambda entry: entry[0][place]
        return lambda entry: self._evaluator.value(node, entry[1])

    def _limited(self, select: pg.SelectStmt, rows: list[Row], scope: Scope) -> list[Row]:
        start = self._evaluator.value(select.limit_offset, scope) if select.HasField("limit_offset") else 0
        count = self._evaluator.value(select.limit_count, scope) if select.HasField("limit_count") else None
        return rows[start or 0 :] if count is None else rows[start or 0 : (start or 0) + count]

    # -- groups -----------------------------------------------------------------------------------------------------

    def _grouped(
        self, select: pg.SelectStmt, targets: list[Any], scopes: list[Scope], outer: Scope
    ) -> tuple[tuple[str, ...], list[Row]]:
        groups: dict[Row, list[Scope]] = {} if select.group_clause else {(): []}
        for scope in scopes:
            key = tuple(self._evaluator.value(self._group_key(k, targets), scope) for k in select.group_clause)
            groups.setdefault(key, []).append(scope)
        names = tuple(target.name or column_name(target.val) for target in targets)
        rows = []
        for members in groups.values():
            if select.HasField("having_clause") and self._aggregated(select.having_clause, members, outer) is not True:
                continue
            rows.append(tuple(self._aggregated(target.val, members, outer) for target in targets))
        if select.sort_clause:
            rows = [row for row, _ in self._sorted(select, targets, names, [(row, outer) for row in rows])]
        return names, self._limited(select, rows, outer)

    def _group_key(self, node: Any, targets: list[Any]) -> Any:
        inner = nodes.unwrap(node)
        if isinstance(inner, pg.A_Const) and inner.WhichOneof("val") == "ival":
            return targets[inner.ival.ival - 1].val
        return node

    def _aggregated(self, node: Any, members: list[Scope], outer: Scope) -> Any:
        inner = nodes.unwrap(node)
        if isinstance(inner, pg.FuncCall) and is_aggregate(node):
            return self._aggregate(inner, members)
        if isinstance(inner, _HOLDERS) and is_aggregate(node):
            replaced = type(inner)()
            replaced.CopyFrom(inner)
            self._replace_aggregates(replaced, members)
            return self._evaluator.value(nodes.wrap(replaced), outer)
        return self._evaluator.value(node, members[0] if members else outer)

    def _replace_aggregates(self, message: Any, members: list[Scope]) -> None:
        for descriptor, value in message.ListFields():
            if descriptor.message_type is None:
                continue
            for child in [value] if hasattr(value, "DESCRIPTOR") else value:
                inner = nodes.unwrap(child)
                if isinstance(inner, pg.FuncCall) and isinstance(child, pg.Node) and is_aggregate(child):
                    result = self._aggregate(inner, members)
                    child.CopyFrom(_constant_node(result))
                elif hasattr(child, "DESCRIPTOR"):
                    self._replace_aggregates(child, members)

    def _aggregate(self, call: pg.FuncCall, members: list[Scope]) -> Any:
        name = nodes.qualified(call.funcname)[1]
        if call.HasField("over"):
            raise UnanswerableError("window function")
        if call.HasField("agg_filter"):
            members = [scope for scope in members if self._evaluator.is_true(call.agg_filter, scope)]
        if call.agg_order:
            key = nodes.unwrap(call.agg_order[0]).node
            members = sorted(members, key=lambda scope: _orderable(self._evaluator.value(key, scope)))
        if call.agg_star:
            return len(members)
        values = [self._evaluator.value(call.args[0], scope) for scope in members]
        if call.agg_distinct:
            values = [value for place, value in enumerate(values) if value not in values[:place]]
        present = [value for value in values if value is not None]
        if name == "count":
            return len(present)
        if name in ("array_agg", "json_agg", "jsonb_agg"):
            return values or None
        if name == "string_agg":
            joint = self._evaluator.value(call.args[1], members[0]) if members else ""
            return str(joint).join(map(str, present)) if present else None
        if not present:
            return None
        plain: dict[str, Callable[[list[Any]], Any]] = {
            "max": max,
            "min": min,
            "sum": sum,
            "bool_or": any,
            "bool_and": all,
            "every": all,
        }
        return plain[name](present)

    # -- FROM -------------------------------------------------------------------------------------------------------

    def _sources(self, entries: list[Any], scope: Scope) -> Iterator[Scope]:
        if not entries:
            yield scope
            return
        for found in self._source(entries[0], scope):
            yield from self._sources(entries[1:], found)

    def _source(self, entry: Any, scope: Scope) -> Iterator[Scope]:
        node = nodes.unwrap(entry)
        if isinstance(node, pg.JoinExpr):
            yield from self._join(node, scope)
            return
        alias, rows = self._table(node, scope)
        for row in rows:
            self._tried += 1
            if self._tried > _ROWS_LIMIT:
                raise UnanswerableError("too many combinations")
            yield {**scope, alias: row}

    def _join(self, join: pg.JoinExpr, scope: Scope) -> Iterator[Scope]:
        if join.jointype not in (pg.JOIN_INNER, pg.JOIN_LEFT) or join.is_natural:
            raise UnanswerableError("join")
        using = [nodes.string(name) for name in join.using_clause]
        for left in self._source(join.larg, scope):
            matched = False
            for both in self._source(join.rarg, left):
                if using:
                    holds = all(self._same(name, left, both) for name in using)
                else:
                    holds = not join.HasField("quals") or self._evaluator.is_true(join.quals, both)
                if holds:
                    matched = True
                    yield both
            if not matched and join.jointype == pg.JOIN_LEFT:
                yield {**left, **self._blank([join.rarg], left)}

    def _same(self, name: str, left: Scope, both: Scope) -> bool:
        mine = [row[name] for alias, row in both.items() if alias not in left and name in row]
        theirs = [row[name] for row in left.values() if name in row]
        return bool(mine) and bool(theirs) and mine[0] == theirs[-1]

    def _blank(self, entries: list[Any], scope: Scope) -> Scope:
        """Return the columns of FROM entries with NULL in each."""
        blank: Scope = {}
        for entry in entries:
            node = nodes.unwrap(entry)
            if isinstance(node, pg.JoinExpr):
                blank.update(self._blank([node.larg, node.rarg], scope))
                continue
            alias, rows = self._table(node, scope)
            blank[alias] = dict.fromkeys(rows[0]) if rows else _Anything()
        return blank

    def _table(self, node: Any, scope: Scope) -> tuple[str, list[dict[str, Any]]]:
        if isinstance(node, pg.RangeVar):
            alias = node.alias.aliasname or node.relname
            if not node.schemaname and node.relname in self._named:
                return alias, [
                    dict(zip(self._named[node.relname][0], r, strict=True)) for r in self._named[node.relname][1]
                ]
            return alias, self._system_rows(node.schemaname or None, node.relname)
        if isinstance(node, pg.RangeSubselect):
            names, rows = self.rows(nodes.unwrap(node.subquery), scope)
            renamed = tuple(nodes.string(name) for name in node.alias.colnames)
            names = renamed + names[len(renamed) :]
            return node.alias.aliasname, [dict(zip(names, row, strict=True)) for row in rows]
        if isinstance(node, pg.RangeFunction):
            return self._function_rows(node, scope)
        raise UnanswerableError("FROM")

    @functools.cache  # noqa: B019 - a Query lives for one statement
    def _system_rows(self, schema: str | None, name: str) -> list[dict[str, Any]]:
        if name == "pg_settings" and schema in (None, "pg_catalog"):
            return [{"name": setting, "setting": value} for setting, value in known_settings(self._facts).items()]
        if name == self._facts.version_table and self._facts.version_rows is not None and schema in (None, "public"):
            return [{"version_num": revision} for revision in self._facts.version_rows]
        tables = {None: PG_CATALOG, "pg_catalog": PG_CATALOG, "information_schema": INFORMATION_SCHEMA}.get(schema, {})
        if name not in tables:
            raise UnanswerableError(name)
        return list(tables[name](self._facts.catalog))

    def _function_rows(self, node: pg.RangeFunction, scope: Scope) -> tuple[str, list[dict[str, Any]]]:
        if len(node.functions) != 1:
            raise UnanswerableError("ROWS FROM")
        call = nodes.unwrap(nodes.unwrap(node.functions[0]).items[0])
        if not isinstance(call, pg.FuncCall) or nodes.qualified(call.funcname)[1] != "unnest" or len(call.args) != 1:
            raise UnanswerableError("function in FROM")
        array = self._evaluator.value(call.args[0], scope)
        alias = node.alias.aliasname or "unnest"
        column = nodes.string(node.alias.colnames[0]) if node.alias.colnames else alias
        if array is not None and not isinstance(array, list):
            raise UnanswerableError("unnest")
        rows = [{column: item} for item in array or []]
        if node.ordinality:
            number = nodes.string(node.alias.colnames[1]) if len(node.alias.colnames) > 1 else "ordinality"
            rows = [{**row, number: place} for place, row in enumerate(rows, 1)]
        return alias, rows

    def _common_tables(self, clause: pg.WithClause, scope: Scope) -> None:
        if clause.recursive:
            raise UnanswerableError("WITH RECURSIVE")
        for entry in clause.ctes:
            table = nodes.unwrap(entry)
            query = nodes.unwrap(table.ctequery)
            if not isinstance(query, pg.SelectStmt):
                raise UnanswerableError("a change in WITH")
            names, rows = self.rows(query, scope)
            renamed = tuple(nodes.string(name) for name in table.aliascolnames)
            self._named[table.ctename] = renamed + names[len(renamed) :], rows

    def _combined(self, select: pg.SelectStmt, scope: Scope) -> tuple[tuple[str, ...], list[Row]]:
        names, left = self.rows(select.larg, scope)
        _, right = self.rows(select.rarg, scope)
        if select.sort_clause:
            raise UnanswerableError("ORDER BY over a set operation")
        if select.op == pg.SETOP_UNION:
            rows = left + right
            return names, rows if select.all else [row for place, row in enumerate(rows) if row not in rows[:place]]
        keep = select.op == pg.SETOP_INTERSECT
        return names, [row for place, row in enumerate(left) if (row in right) == keep and row not in left[:place]]


class _Anything(dict[str, Any]):
    """A row whose every column is NULL, when a table is empty and its columns cannot be read off its rows."""

    def __contains__(self, _: object) -> bool:
        return True

    def __getitem__(self, _: str) -> Any:
        return None


_HOLDERS = pg.TypeCast | pg.A_Expr | pg.BoolExpr | pg.CoalesceExpr | pg.CaseExpr


def _everything(scope: Scope, alias: str) -> list[tuple[str, Any]]:
    rows = [scope[alias]] if alias else list(scope.values())
    return [(name, value) for row in rows for name, value in row.items()]


def _constant_node(value: Any) -> pg.Node:
    node = pg.Node()
    if value is None:
        node.a_const.isnull = True
    elif isinstance(value, bool):
        node.a_const.boolval.boolval = value
    elif isinstance(value, int):
        node.a_const.ival.ival = value
    elif isinstance(value, str):
        node.a_const.sval.sval = value
    else:
        raise UnanswerableError("aggregate within an expression")
    return node


def _orderable(value: Any) -> tuple[bool, Any]:
    return (value is None, 0 if value is None else value)

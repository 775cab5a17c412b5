"""What a query reads and what its columns are: the questions behind views, materialized views and CREATE TABLE AS."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from postgast import pg_query_pb2 as pg

from sluicegate.catalog.builtins import builtins
from sluicegate.catalog.expressions import Invalid, Notes, Reader
from sluicegate.catalog.expressions.constructs import READERS
from sluicegate.catalog.from_list import Columns, Scope, Source, aliased, is_record, resolved, row_of, united
from sluicegate.catalog.model import Name, RelationKind, SqlType
from sluicegate.catalog.naming import column_name
from sluicegate.catalog.overloads import find_functions
from sluicegate.catalog.polymorphism import common_type
from sluicegate.catalog.types import builtin_type, from_key
from sluicegate.statements.nodes import qualified, string, strings, unwrap

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from sluicegate.catalog.model import Catalog


class Query:
    """Reads one query. After construction, ``columns`` are its output and ``reads`` what it reads.

    Attributes:
        columns: the output columns.
        reads: relation → the columns used (None when the whole row is used or it cannot be told).
        unknown: names that could not be found, as written.
    """

    def __init__(self, node: Any, catalog: Catalog, search_path: Iterable[str], *, outer: Scope | None = None) -> None:
        self.catalog = catalog
        self.search_path = tuple(search_path)
        self.reads: dict[Name, set[str] | None] = {}
        self.unknown: list[str] = []
        self._ctes: list[dict[str, Columns]] = []
        self.columns: Columns = self._statement(unwrap(node), outer)

    def frozen_reads(self) -> Mapping[Name, frozenset[str] | None]:
        """Return ``reads`` as an immutable value's parts."""
        return {name: None if used is None else frozenset(used) for name, used in self.reads.items()}

    # -- queries -------------------------------------------------------------------------------------------------

    def _statement(self, node: Any, outer: Scope | None) -> Columns:
        if isinstance(node, pg.SelectStmt):
            return self._select(node, outer)
        if isinstance(node, pg.InsertStmt | pg.UpdateStmt | pg.DeleteStmt | pg.MergeStmt):
            return self._change(node, outer)
        return {}

    def _with(self, node: Any, outer: Scope | None) -> None:
        level: dict[str, Columns] = {}
        self._ctes.append(level)
        if not node.HasField("with_clause"):
            return
        for item in node.with_clause.ctes:
            cte = item.common_table_expr
            if node.with_clause.recursive:
                level[cte.ctename] = self._recursive_columns(cte, outer)
            columns = self._statement(unwrap(cte.ctequery), outer)
            level[cte.ctename] = aliased(columns, strings(cte.aliascolnames))
            if cte.HasField("search_clause"):
                level[cte.ctename][cte.search_clause.search_seq_column] = None
            if cte.HasField("cycle_clause"):
                level[cte.ctename][cte.cycle_clause.cycle_mark_column] = builtin_type("bool")
                level[cte.ctename][cte.cycle_clause.cycle_path_column] = None

    def _recursive_columns(self, cte: Any, outer: Scope | None) -> Columns:
        query = unwrap(cte.ctequery)
        first = query.larg if isinstance(query, pg.SelectStmt) and query.op != pg.SETOP_NONE else None
        columns = self._select(first, outer) if first is not None else {}
        return aliased(columns, strings(cte.aliascolnames))

    def _select(self, node: Any, outer: Scope | None) -> Columns:
        self._with(node, outer)
        try:
            if node.op != pg.SETOP_NONE:
                left = self._select(node.larg, outer)
                right = self._select(node.rarg, outer)
                for item in node.sort_clause:
                    self._expression(item, Scope([Source("", left)], outer))
                return united(left, right)
            scope = Scope([], outer)
            for item in node.from_clause:
                scope.sources += self._from(unwrap(item), scope)
            if node.values_lists:
                return self._values(node, scope)
            columns = self._targets(node.target_list, scope)
            for part in (node.where_clause, node.having_clause, node.limit_count, node.limit_offset):
                self._expression(part, scope)
            for group in (node.group_clause, node.distinct_clause, node.window_clause):
                for item in group:
                    self._expression(item, scope)
            named = Scope([Source("", columns)], scope)
            for item in node.sort_clause:
                self._expression(item, named)
            return columns
        finally:
            self._ctes.pop()

    def _values(self, node: Any, scope: Scope) -> Columns:
        columns: Columns = {}
        for row in node.values_lists:
            for number, item in enumerate(row.list.items, 1):
                found = self._expression(item, scope)
                known = columns.get(f"column{number}")
                columns[f"column{number}"] = known if known is not None and known.name.name != "unknown" else found
        return {name: resolved(found) for name, found in columns.items()}

    def _change(self, node: Any, outer: Scope | None) -> Columns:
        self._with(node, outer)
        try:
            target = self._from(node.relation, Scope([], outer))
            scope = Scope(list(target), outer)
            for clause in ("from_clause", "using_clause"):
                for item in getattr(node, clause, ()):
                    scope.sources += self._from(unwrap(item), scope)
            if isinstance(node, pg.InsertStmt):
                self._statement(unwrap(node.select_stmt), outer)
            if isinstance(node, pg.MergeStmt):
                scope.sources += self._from(unwrap(node.source_relation), scope)
                self._expression(node.join_condition, scope)
                for item in node.merge_when_clauses:
                    self._expression(item, scope)
            else:
                self._expression(getattr(node, "where_clause", None), scope)
                for item in getattr(node, "target_list", ()):
                    self._expression(item, scope)
            return self._targets(node.returning_clause.exprs, scope) if node.HasField("returning_clause") else {}
        finally:
            self._ctes.pop()

    def _targets(self, targets: Iterable[Any], scope: Scope) -> Columns:
        columns: Columns = {}
        for item in targets:
            target = item.res_target
            reference = unwrap(target.val)
            if isinstance(reference, pg.ColumnRef) and isinstance(unwrap(reference.fields[-1]), pg.A_Star):
                for name, found in self._star(strings(list(reference.fields)[:-1]), scope):
                    columns.setdefault(name, found)
                continue
            found = self._expression(target.val, scope)
            columns.setdefault(target.name or column_name(target.val), resolved(found))
        return columns

    def _star(self, qualifier: tuple[str, ...], scope: Scope) -> list[tuple[str, SqlType | None]]:
        found: list[tuple[str, SqlType | None]] = []
        merged: set[str] = set()
        for source in scope.sources:
            if qualifier and source.name != qualifier[-1]:
                continue
            for name, column_type in source.columns.items():
                self._use(source, name)
                shared = name in source.merged and not qualifier
                if shared and name in merged:
                    continue
                merged |= {name} if shared else set()
                found.append((name, self._merged_type(scope, name) if shared else column_type))
        return found

    # -- FROM ----------------------------------------------------------------------------------------------------

    def _from(self, node: Any, scope: Scope) -> list[Source]:
        match node:
            case pg.RangeVar():
                return [self._range_var(node)]
            case pg.JoinExpr():
                return self._join(node, scope)
            case pg.RangeSubselect():
                outer = scope if node.lateral else scope.outer
                columns = self._statement(unwrap(node.subquery), outer)
                return [Source(node.alias.aliasname, aliased(columns, strings(node.alias.colnames)))]
            case pg.RangeFunction():
                return [self._range_function(node, scope)]
            case pg.RangeTableSample():
                return self._from(unwrap(node.relation), scope)
            case _:
                self._expression(node, scope)
                alias = getattr(node, "alias", None)
                return [Source(alias.aliasname if alias is not None else "", {}, open=True)]

    def _range_var(self, node: Any) -> Source:
        alias = node.alias.aliasname if node.HasField("alias") else ""
        aliases = strings(node.alias.colnames) if node.HasField("alias") else ()
        if not node.schemaname:
            for level in reversed(self._ctes):
                if node.relname in level:
                    return Source(alias or node.relname, aliased(level[node.relname], aliases))
        relation = self.catalog.find_relation(node.schemaname or None, node.relname, self.search_path)
        if relation is None and node.schemaname in {"", "pg_catalog"}:
            system = builtins(self.catalog.version).relations.get(node.relname)
            if system is not None:
                found: Columns = {name: from_key(word, self.catalog) for name, word in system.items()}
                return Source(alias or node.relname, aliased(found, aliases))
        if relation is None:
            self.unknown.append(f"{node.schemaname}.{node.relname}" if node.schemaname else node.relname)
            return Source(alias or node.relname, {}, open=True)
        self.reads.setdefault(relation.name, set())
        columns: Columns = {name: column.type for name, column in row_of(relation).items()}
        source = Source(alias or node.relname, columns, relation.name, relation.name.schema)
        if aliases:
            source.columns = aliased(columns, aliases)
            source.origins = dict(zip(source.columns, columns, strict=False))
        return source

    def _join(self, node: Any, scope: Scope) -> list[Source]:
        left = self._from(unwrap(node.larg), scope)
        inner = Scope([*scope.sources, *left], scope.outer)
        right = self._from(unwrap(node.rarg), inner)
        both = Scope([*scope.sources, *left, *right], scope.outer)
        shared = set(strings(node.using_clause))
        if node.is_natural:
            names = {name for source in left for name in source.columns}
            shared = {name for source in right for name in source.columns if name in names}
        for source in (*left, *right):
            for name in shared & source.columns.keys():
                self._use(source, name)
            source.merged |= shared & source.columns.keys()
        self._expression(node.quals, both)
        if node.HasField("alias"):
            columns: Columns = {}
            for source in (*left, *right):
                for name, found in source.columns.items():
                    columns.setdefault(name, found)
                    self._use(source, name)
            return [Source(node.alias.aliasname, aliased(columns, strings(node.alias.colnames)))]
        return [*left, *right]

    def _range_function(self, node: Any, scope: Scope) -> Source:
        alias = node.alias.aliasname if node.HasField("alias") else ""
        columns: Columns = {}
        for item in node.functions:
            call = unwrap(item.list.items[0])
            found = self._expression(call, scope)
            name = strings(call.funcname)[-1] if isinstance(call, pg.FuncCall) else column_name(item.list.items[0])
            outputs = self._outputs(call, found) if isinstance(call, pg.FuncCall) else {}
            columns.update(outputs or self._result_columns(found, alias or name))
            alias = alias or name
        for item in node.coldeflist:
            columns[item.column_def.colname] = None
        if node.ordinality:
            columns["ordinality"] = builtin_type("int8")
        is_row = any(is_record(found) for found in columns.values())
        return Source(alias, aliased(columns, strings(node.alias.colnames) if alias else ()), open=is_row)

    def _outputs(self, call: Any, found: SqlType | None) -> Columns:
        """Return the columns of a function with OUT arguments, where every candidate has the same."""
        schema, name = qualified(call.funcname)
        candidates = find_functions(schema, name, self.catalog, self.search_path, self.catalog.version)
        count = len(call.args)
        fitting = [one for one in candidates if one.required <= count and (one.spread or count <= len(one.arguments))]
        named = {tuple(output for output, _ in one.outputs) for one in fitting}
        if len(named) != 1 or not any(named):
            return {}
        types = {one.outputs for one in fitting}
        if len(types) == 1:
            return {output: from_key(word, self.catalog) for output, word in types.pop()}
        names = named.pop()
        return {names[0]: found} if len(names) == 1 else dict.fromkeys(names)

    def _result_columns(self, found: SqlType | None, name: str) -> Columns:
        relation = self.catalog.relations.get(found.name) if found is not None and not found.array else None
        if relation is not None and relation.kind is not RelationKind.SEQUENCE:
            return {column.name: column.type for column in relation.columns.values()}
        return {name: found}

    # -- expressions ---------------------------------------------------------------------------------------------

    def _use(self, source: Source, column: str) -> None:
        if source.relation is not None:
            used = self.reads.get(source.relation)
            if used is not None:
                used.add(source.origins.get(column, column))

    def _expression(self, node: Any, scope: Scope) -> SqlType | None:
        """Note what an expression reads and return its type, where it is known."""
        inner = unwrap(node)
        if inner is None or not inner.ListFields():
            return None
        noted = self._note(inner, scope)
        if isinstance(inner, pg.ColumnRef | pg.SelectStmt):
            return noted
        return self._type(inner, scope)

    def _note(self, node: Any, scope: Scope) -> SqlType | None:
        if isinstance(node, pg.ColumnRef):
            return self._column(node, scope)
        if isinstance(node, pg.SelectStmt):
            return next(iter(self._select(node, scope).values()), None)
        for descriptor, value in node.ListFields():
            if descriptor.message_type is None:
                continue
            for child in [value] if hasattr(value, "DESCRIPTOR") else value:
                below = unwrap(child)
                if below is not None:
                    self._note(below, scope)
        return None

    def _column(self, node: Any, scope: Scope) -> SqlType | None:
        parts = [string(part) for part in node.fields if not isinstance(unwrap(part), pg.A_Star)]
        level: Scope | None = scope
        while level is not None:
            for source in level.sources:
                if len(parts) == 1 and parts[0] in source.columns:
                    self._use(source, parts[0])
                    if parts[0] in source.merged:
                        return self._merged_type(level, parts[0])
                    return source.columns[parts[0]]
                if parts and parts[-1] in source.columns and len(parts) > 1 and source.name == parts[-2]:
                    self._use(source, parts[-1])
                    return source.columns[parts[-1]]
                if len(parts) <= 2 and source.name == parts[0] and source.relation is not None:
                    # The whole row, as in count(t): the server notes the relation and none of its columns.
                    return SqlType(source.relation)
            level = level.outer
        return None

    def _merged_type(self, scope: Scope, column: str) -> SqlType | None:
        types = [source.columns[column] for source in scope.sources if column in source.merged]
        known = [found for found in types if found is not None]
        return common_type(known, self.catalog, self.catalog.version) if len(known) == len(types) else None

    def _type(self, node: Any, scope: Scope) -> SqlType | None:
        if isinstance(node, pg.ResTarget):
            node = unwrap(node.val)
        if not isinstance(node, tuple(READERS)):
            return None

        def column(parts: tuple[str, ...], _notes: Notes) -> SqlType | None:
            fields = [pg.Node(string=pg.String(sval=part)) for part in parts]
            return self._column(pg.ColumnRef(fields=fields), scope)

        def subquery(query: Any) -> SqlType | None:
            return next(iter(self._statement(unwrap(query), scope).values()), None)

        reader = Reader(
            self.catalog,
            self.search_path,
            self.catalog.version,
            columns=column,
            subquery=subquery,
            evaluated=False,
        )
        try:
            found = reader.read(node)
        except Invalid:
            return None
        for relation, column_used in reader.notes.fields:
            used = self.reads.setdefault(relation, set())
            if used is not None:
                used.add(column_used)
        return found.type

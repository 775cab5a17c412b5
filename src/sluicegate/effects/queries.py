"""What a query reads: tables, views and sequences at every level of it, and the errors of its analysis."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from postgast import pg_query_pb2 as pg

from sluicegate.catalog.expressions import Invalid, Meaning, Place, Reader
from sluicegate.catalog.model import RelationKind
from sluicegate.catalog.naming import column_name
from sluicegate.catalog.polymorphism import UNKNOWN
from sluicegate.catalog.types import builtin_type
from sluicegate.effects.context import Refused
from sluicegate.effects.from_clauses import FromReader
from sluicegate.effects.grouping import check_comparable, check_grouping, has_aggregates, is_aggregate, own_calls
from sluicegate.effects.model import LockMode
from sluicegate.effects.query_levels import Level, Stage, conjuncts
from sluicegate.effects.scopes import CteColumns, OutputColumns, Scope, Source, aliased, check_aliases, star
from sluicegate.statements.nodes import strings, unwrap, value_of

if TYPE_CHECKING:
    from collections.abc import Iterable

    from sluicegate.catalog.model import SqlType
    from sluicegate.effects.context import Context
    from sluicegate.effects.query_levels import Read

_PLACES = {"JOIN/ON": "JOIN conditions", "POLICY": "policy expressions"}
_TEXT = builtin_type("text")
_UNLOCKABLE = {RelationKind.MATERIALIZED_VIEW, RelationKind.SEQUENCE}


class QueryReader(FromReader):
    """Reads one statement's queries; ``reads`` and ``calls`` hold what it found.

    Attributes:
        reads: the relations, in the order they are met.
        calls: function calls, outermost first, and casts to regclass, which look a name up.
        changes: data-changing WITH queries, with the names around them.
        outermost: the names that every level can use: an SQL function's parameters, PL/pgSQL's variables.
    """

    def __init__(self, context: Context, *, parameters: dict[str, SqlType | None] | None = None) -> None:
        super().__init__(context)
        self.calls: list[Any] = []
        self.changes: list[tuple[Any, Scope | None]] = []
        self._ctes_read: list[tuple[CteColumns, list[Read], list[Any]]] = []
        self.outermost = Scope(parameters=dict(parameters or {}), lenient=context.variables)
        self._numbered = tuple(Meaning(sql_type) for sql_type in (parameters or {}).values())

    # -- queries -------------------------------------------------------------------------------------------------

    def query(self, node: Any, around: Scope | None = None, **placed: Any) -> OutputColumns:
        """Read a query and return its output columns.

        Args:
            node: the query.
            around: the names it may use of the level around it.
            placed: the ``Level`` fields that say how it hangs there.

        Raises:
            Refused: the server rejects it.
        """
        inner = unwrap(node)
        try:
            if isinstance(inner, pg.SelectStmt):
                return self._select(inner, around or self.outermost, Level(Scope(), **placed))
            if isinstance(inner, pg.InsertStmt | pg.UpdateStmt | pg.DeleteStmt | pg.MergeStmt):
                self.changes.append((inner, around))
                return self._returning(inner, around)
        except Invalid as invalid:
            raise Refused(invalid.sqlstate, invalid.message) from None
        return []

    def open_ctes(self, node: Any, outer: Scope | None) -> None:
        """Read a WITH clause; ``close_ctes`` ends its reach."""
        names: dict[str, OutputColumns] = {}
        self.ctes.append(names)
        if not node.HasField("with_clause"):
            return
        for item in node.with_clause.ctes:
            cte = item.common_table_expr
            if cte.ctename in names:
                raise Refused("42712", f'WITH query name "{cte.ctename}" specified more than once')
            aliases = strings(cte.aliascolnames)
            query = unwrap(cte.ctequery)
            if node.with_clause.recursive and isinstance(query, pg.SelectStmt) and query.op != pg.SETOP_NONE:
                quiet = QueryReader(self.context)
                quiet.ctes = [*self.ctes, {cte.ctename: []}]
                names[cte.ctename] = aliased(quiet.query(query.larg, outer), aliases)
            first, called = len(self.reads), len(self.calls)
            names[cte.ctename] = columns = CteColumns(aliased(self.query(query, outer), aliases))
            if isinstance(query, pg.SelectStmt):
                self._ctes_read.append((columns, self.reads[first:], self.calls[called:]))

    def drop_unused(self) -> None:
        """Forget what WITH queries would call that nothing uses, and plan none of their reads."""
        for columns, reads, calls in reversed(self._ctes_read):
            if columns.used:
                continue
            for read in reads:
                read.unused = True
            self.calls = [call for call in self.calls if not any(call is one for one in calls)]
        self._ctes_read.clear()

    def close_ctes(self) -> None:
        """Leave the reach of the innermost WITH clause."""
        self.ctes.pop()

    def _select(self, node: Any, outer: Scope, level: Level) -> OutputColumns:
        level.scope.outer = outer
        self.open_ctes(node, outer)
        try:
            if node.op != pg.SETOP_NONE:
                return self._set_operation(node, outer, level)
            if node.values_lists:
                return self._values(node, level)
            return self._plain(node, level)
        finally:
            self.close_ctes()

    def _plain(self, node: Any, level: Level) -> OutputColumns:
        for item in node.from_clause:
            level.scope.sources += self.from_item(unwrap(item), level)
        check_aliases(level.scope.sources)
        level.limited = node.HasField("limit_count") and not _is_all(node.limit_count)
        level.by_groups = bool(node.group_clause or node.distinct_clause)
        level.grouped = level.by_groups or has_aggregates(node)
        level.targets = [item.res_target.val for item in node.target_list]
        level.order = [item.sort_by.node for item in node.sort_clause]
        reader = self.reader(level)
        if node.HasField("where_clause"):
            level.conditions += conjuncts(node.where_clause)
            self.condition(node.where_clause, level)
        columns = self.targets(node.target_list, level)
        if node.distinct_clause and not any(item.ListFields() for item in node.distinct_clause):
            check_comparable(columns, self.context)
        if node.HasField("having_clause"):
            reader.condition(node.having_clause, "HAVING")
        for item in (*node.group_clause, *node.distinct_clause):
            self._by_output(item, columns, level)
        for item in node.sort_clause:
            self._by_output(item.sort_by.node, columns, level)
        for part in (node.limit_count, node.limit_offset):
            if part.ListFields():
                reader.read(part)
        for item in node.window_clause:
            for part in (
                *item.window_def.partition_clause,
                *(one.sort_by.node for one in item.window_def.order_clause),
            ):
                reader.read(part)
        check_grouping(node, level.scope, self.context)
        self._locking(node, level)
        return columns

    def _by_output(self, node: Any, columns: OutputColumns, level: Level) -> None:
        """Read an item of GROUP BY or ORDER BY: a position, an output name, or an expression."""
        inner = unwrap(node)
        if inner is None:
            return
        if isinstance(inner, pg.A_Const) and isinstance(value_of(inner), int):
            if not 1 <= value_of(inner) <= len(columns):
                raise Invalid("42P10", f"ORDER BY position {value_of(inner)} is not in select list")
            return
        alone = isinstance(inner, pg.ColumnRef) and len(inner.fields) == 1
        if alone and any(name == inner.fields[0].string.sval for name, _ in columns):
            return
        if isinstance(inner, pg.GroupingSet):
            for item in inner.content:
                self._by_output(item, columns, level)
            return
        self.reader(level).read(inner)

    def _set_operation(self, node: Any, outer: Scope, level: Level) -> OutputColumns:
        word = {pg.SETOP_UNION: "UNION", pg.SETOP_INTERSECT: "INTERSECT", pg.SETOP_EXCEPT: "EXCEPT"}[node.op]
        left = self._select(node.larg, outer, Level(Scope(), link=level.link, outer=level.outer))
        right = self._select(node.rarg, outer, Level(Scope(), link=level.link, outer=level.outer))
        if len(left) != len(right) and left and right:
            raise Invalid("42601", f"each {word} query must have the same number of columns")
        reader = Reader(
            self.context.catalog, self.context.search_path, self.context.version, columns=level.scope.resolve
        )
        united: OutputColumns = []
        for (name, one), (_, other) in zip(left, right, strict=False):
            if one is None or other is None:
                united.append((name, one or other))
                continue
            united.append((name, reader.common([Meaning(one), Meaning(other)], word)[0]))
        if not node.all:
            check_comparable(united, self.context)
        for item in node.sort_clause:
            self._by_output(item.sort_by.node, united, Level(Scope([Source("", united)], outer)))
        return united

    def _values(self, node: Any, level: Level) -> OutputColumns:
        rows = [[self.reader(level).read(item).type for item in row.list.items] for row in node.values_lists]
        if any(len(row) != len(rows[0]) for row in rows):
            raise Invalid("42601", "VALUES lists must all be the same length")
        return [(f"column{number}", sql_type) for number, sql_type in enumerate(rows[0], 1)]

    def targets(self, items: Iterable[Any], level: Level) -> OutputColumns:
        """Read output expressions and return their names and types."""
        columns: OutputColumns = []
        for item in items:
            target = item.res_target
            reference = unwrap(target.val)
            if isinstance(reference, pg.ColumnRef) and isinstance(unwrap(reference.fields[-1]), pg.A_Star):
                columns += star(strings(list(reference.fields)[:-1]), level.scope)
                continue
            found = self.reader(level).read(target.val)
            columns.append((target.name or column_name(target.val), found.type))
        return columns

    def _returning(self, node: Any, outer: Scope | None) -> OutputColumns:
        """Return what a data-changing WITH query gives; the change itself is judged by ``data_changes``."""
        if not node.HasField("returning_clause"):
            return []
        level = Level(Scope(outer=outer or self.outermost))
        quiet = QueryReader(self.context)
        quiet.ctes = self.ctes
        level.scope.sources = quiet.from_item(node.relation, level)
        for clause in ("from_clause", "using_clause"):
            for item in getattr(node, clause, ()):
                level.scope.sources += quiet.from_item(unwrap(item), level)
        return quiet.targets(node.returning_clause.exprs, level)

    # -- expressions ---------------------------------------------------------------------------------------------

    def reader(self, level: Level, *, filtering: bool = False) -> Reader:
        """Return a reader of expressions at a level; ``filtering`` says that they are its conditions."""

        def subquery(node: Any) -> SqlType | None:
            columns = self.query(node, level.scope, link=keeper.link, outer=level, filtering=filtering)
            return columns[0][1] if columns else None

        keeper = _CallKeeper(
            self.context.catalog,
            self.context.search_path,
            self.context.version,
            columns=level.scope.resolve,
            place=Place.QUERY,
            parameters=self._numbered,
            subquery=subquery,
            calls=self.calls,
        )
        return keeper

    def condition(self, node: Any, level: Level, what: str = "WHERE") -> None:
        """Read a condition."""
        own = level.scope.outer is None or level.scope.outer is self.outermost
        if own and any(is_aggregate(call) for call in own_calls(node)):
            raise Refused("42803", f"aggregate functions are not allowed in {_PLACES.get(what, what)}")
        for part in conjuncts(node):
            self.reader(level, filtering=True).condition(part, what)

    def _locking(self, node: Any, level: Level) -> None:
        """Note FOR UPDATE and its kin on the tables of a level.

        Source: ``CheckSelectLocking`` and ``transformLockingClause`` in PostgreSQL's parser/analyze.c.
        """
        for item in node.locking_clause:
            clause = item.locking_clause
            words = {
                pg.LCS_FORUPDATE: "FOR UPDATE",
                pg.LCS_FORNOKEYUPDATE: "FOR NO KEY UPDATE",
                pg.LCS_FORSHARE: "FOR SHARE",
                pg.LCS_FORKEYSHARE: "FOR KEY SHARE",
            }
            word = words.get(clause.strength, "FOR UPDATE")
            for present, what in (
                (bool(node.distinct_clause), "DISTINCT clause"),
                (bool(node.group_clause), "GROUP BY clause"),
                (node.HasField("having_clause"), "HAVING clause"),
                (has_aggregates(node), "aggregate functions"),
            ):
                if present:
                    raise Invalid("0A000", f"{word} is not allowed with {what}")
            named = [part.range_var.relname for part in clause.locked_rels]
            for name in named:
                if not any(source.name == name for source in level.scope.sources):
                    raise Invalid("42P01", f'relation "{name}" in {word} clause not found in FROM clause')
            for read in self.reads:
                if (read.level is level or read.level.outer is level) and (not named or read.source.name in named):
                    if read.relation.kind in _UNLOCKABLE:
                        kind, name = read.relation.kind.value, read.relation.name.name
                        raise Invalid("42809", f'cannot lock rows in {kind} "{name}"')
                    read.mode = max(read.mode, LockMode.RowShareLock)


_LINKS = {
    pg.EXISTS_SUBLINK: "exists",
    pg.ANY_SUBLINK: "membership",
    pg.ALL_SUBLINK: "membership",
}


class _CallKeeper(Reader):
    """A reader of expressions that remembers the function calls it meets, and the sort of subquery it is at."""

    def __init__(self, *arguments: Any, calls: list[Any], **options: Any) -> None:
        super().__init__(*arguments, **options)
        self._calls = calls
        self.link = "expression"

    def read(self, node: Any) -> Meaning:
        inner = unwrap(node)
        if isinstance(inner, pg.FuncCall) or _names_object(inner):
            self._calls.append(inner)
        if isinstance(inner, pg.SubLink):
            self.link = _LINKS.get(inner.sub_link_type, "expression")
        return super().read(node)


def _names_object(node: Any) -> bool:
    return isinstance(node, pg.TypeCast) and strings(node.type_name.names)[-1] == "regclass"


def _is_all(node: Any) -> bool:
    inner = unwrap(node)
    return isinstance(inner, pg.A_Const) and inner.isnull


def resolved(columns: OutputColumns) -> OutputColumns:
    """Return output columns with bare literals typed as text, as a table or view stores them."""
    return [(name, _TEXT if sql_type == UNKNOWN else sql_type) for name, sql_type in columns]


def note_query(context: Context, node: Any, *, executed: bool = True, planned: bool = True) -> OutputColumns:
    """Note the effects of a query and return its output columns.

    Args:
        context: the statement's context.
        node: the ``SelectStmt``, or a change that returns rows.
        executed: whether it runs, so that it reads tables.
        planned: whether it is planned, so that views are opened up and partitions chosen.
    """
    from sluicegate.effects.reading import note_reads

    stage = Stage.EXECUTED if executed else Stage.PLANNED if planned else Stage.ANALYZED
    reader = QueryReader(context)
    columns = reader.query(node)
    note_reads(context, reader, stage)
    return columns

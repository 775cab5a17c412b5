"""The FROM lists of queries: tables and views by name, joins, subqueries and functions, as entries of a scope."""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import TYPE_CHECKING, Any

from postgast import pg_query_pb2 as pg

from sluicegate.catalog.expressions import Invalid
from sluicegate.catalog.model import RelationKind
from sluicegate.catalog.naming import column_name
from sluicegate.catalog.types import builtin_type
from sluicegate.effects.context import Refused
from sluicegate.effects.model import LockMode
from sluicegate.effects.query_levels import Level, Read, conjuncts
from sluicegate.effects.scopes import CteColumns, OutputColumns, Scope, Source, aliased
from sluicegate.statements.nodes import strings, unwrap

if TYPE_CHECKING:
    from sluicegate.catalog.expressions import Reader
    from sluicegate.effects.context import Context

_INT8 = builtin_type("int8")
_SEQUENCE_COLUMNS: OutputColumns = [
    ("last_value", _INT8),
    ("log_cnt", _INT8),
    ("is_called", builtin_type("bool")),
]


class FromReader(ABC):
    """Reads FROM lists; what stands inside them is read by the class that knows queries and expressions.

    Attributes:
        context: the statement's context.
        reads: the relations, in the order they are met.
        ctes: the names that WITH clauses give, innermost last.
    """

    def __init__(self, context: Context) -> None:
        self.context = context
        self.reads: list[Read] = []
        self.ctes: list[dict[str, OutputColumns]] = []

    @abstractmethod
    def query(self, node: Any, around: Scope | None = None, **placed: Any) -> OutputColumns:
        """Read a query and return its output columns."""

    @abstractmethod
    def reader(self, level: Level, *, filtering: bool = False) -> Reader:
        """Return a reader of expressions at a level."""

    @abstractmethod
    def condition(self, node: Any, level: Level, what: str = "WHERE") -> None:
        """Read a condition."""

    def from_item(self, node: Any, level: Level) -> list[Source]:
        """Read an item of a FROM list and return its entries."""
        match node:
            case pg.RangeVar():
                return [self.table(node, level)]
            case pg.JoinExpr():
                return self._join(node, level)
            case pg.RangeSubselect():
                outer = Scope(list(level.scope.sources), level.scope.outer) if node.lateral else level.scope.outer
                columns = self.query(node.subquery, outer, outer=level)
                return [Source(node.alias.aliasname, aliased(columns, strings(node.alias.colnames)), open=not columns)]
            case pg.RangeFunction():
                return [self._function(node, level)]
            case pg.RangeTableSample():
                first = len(self.reads)
                sources = self.from_item(unwrap(node.relation), level)
                for read in self.reads[first:]:
                    read.sampled = strings(node.method)[-1] == "system"
                return sources
            case _:
                alias = getattr(node, "alias", None)
                return [Source(alias.aliasname if alias is not None else "", [], open=True)]

    def table(
        self, node: Any, level: Level, mode: LockMode = LockMode.AccessShareLock, *, target: bool = False
    ) -> Source:
        """Read a table's name in a FROM list, or as the target of a change.

        Raises:
            Refused: it does not exist (42P01).
        """
        alias = node.alias.aliasname if node.HasField("alias") else ""
        aliases = strings(node.alias.colnames) if node.HasField("alias") else ()
        if not node.schemaname and not target:
            for names in reversed(self.ctes):
                if node.relname in names:
                    columns_of = names[node.relname]
                    if isinstance(columns_of, CteColumns):
                        columns_of.used = True
                    given = aliased(columns_of, aliases)
                    return Source(alias or node.relname, given, open=not given)
        relation = self.context.relation(node)
        if relation is None:
            if self.context.is_system(node):
                return Source(alias or node.relname, [], open=True)
            index = self.context.index(node)
            if index is not None:
                raise Refused("42809", f'cannot open relation "{index.name.name}"')
            self.context.missing(node, parsing=True)
        if relation.kind is RelationKind.COMPOSITE:
            raise Refused("42809", f'cannot open relation "{relation.name.name}"')
        columns: OutputColumns = [(column.name, column.type) for column in relation.columns.values()]
        if relation.kind is RelationKind.SEQUENCE:
            columns = list(_SEQUENCE_COLUMNS)
        source = Source(
            alias or relation.name.name,
            aliased(columns, aliases),
            relation,
            None if alias else relation.name.schema,
            open=not columns and not self.context.catalog.complete,
        )
        self.reads.append(Read(relation, source, level, mode, only=not node.inh, target=target))
        return source

    def _join(self, node: Any, level: Level) -> list[Source]:
        left = self.from_item(unwrap(node.larg), level)
        inside = Level(Scope([*level.scope.sources, *left], level.scope.outer))
        inside.conditions, inside.joined, inside.outer, inside.link = (
            level.conditions,
            level.joined,
            level.outer,
            level.link,
        )
        # A lateral item sees the left side; everything else lands in the level itself.
        kept, level.scope.sources = level.scope.sources, inside.scope.sources
        right = self.from_item(unwrap(node.rarg), level)
        level.scope.sources = kept
        shared = strings(node.using_clause)
        if node.is_natural:
            names = [name for source in left for name, _ in source.columns]
            shared = tuple(dict.fromkeys(n for s in right for n, _ in s.columns if n in names))
        for name in shared:
            for sources, side in ((left, "left"), (right, "right")):
                if not any(source.find(name) or source.open for source in sources):
                    raise Invalid("42703", f'column "{name}" specified in USING clause does not exist in {side} table')
            for source in (*left, *right):
                source.merged.add(name)
        both = Level(Scope([*level.scope.sources, *left, *right], level.scope.outer))
        if node.HasField("quals"):
            self.condition(node.quals, both, "JOIN/ON")
        if node.jointype == pg.JOIN_INNER or not node.HasField("quals"):
            level.conditions += conjuncts(node.quals) if node.HasField("quals") else []
        elif node.jointype in {pg.JOIN_LEFT, pg.JOIN_RIGHT}:
            optional = right if node.jointype == pg.JOIN_LEFT else left
            level.joined += [(condition, optional) for condition in conjuncts(node.quals)]
        if node.HasField("alias"):
            columns = [pair for source in (*left, *right) for pair in source.columns]
            for source in (*left, *right):
                source.visible = False
            return [*left, *right, Source(node.alias.aliasname, aliased(columns, strings(node.alias.colnames)))]
        return [*left, *right]

    def _function(self, node: Any, level: Level) -> Source:
        alias = node.alias.aliasname if node.HasField("alias") else ""
        columns: OutputColumns = []
        is_open = False
        for item in node.functions:
            call = item.list.items[0]
            found = self.reader(Level(Scope(list(level.scope.sources), level.scope.outer))).read(call)
            name = column_name(call)
            relation = self.context.catalog.relations.get(found.type.name) if found.type is not None else None
            if relation is not None and found.type is not None and not found.type.array:
                columns += [(column.name, column.type) for column in relation.columns.values()]
            elif found.type is None or found.type.name.name == "record":
                is_open = True
            else:
                columns.append((alias or name, found.type))
            alias = alias or name
        for item in node.coldeflist:
            columns.append((item.column_def.colname, self.context.type(item.column_def.type_name)))
        if node.ordinality:
            columns.append(("ordinality", _INT8))
        return Source(
            alias, aliased(columns, strings(node.alias.colnames) if node.HasField("alias") else ()), open=is_open
        )

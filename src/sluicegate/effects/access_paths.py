"""Whether a query reads a table from end to end or by an index.

The planner decides by sizes and statistics that a schema does not hold, so this follows what it does with tables of
some size and no skew: a point condition on an index's first column is answered by the index, anything else reads the
table.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from postgast import pg_query_pb2 as pg

from sluicegate.catalog.model import TypeKind
from sluicegate.effects.grouping import is_aggregate
from sluicegate.statements.nodes import same_tree, strings, unwrap, value_of, walk_kinds

if TYPE_CHECKING:
    from collections.abc import Iterable

    from sluicegate.catalog.model import Catalog, Index, Relation
    from sluicegate.effects.context import Context
    from sluicegate.effects.query_levels import Level, Read
    from sluicegate.effects.scopes import Scope, Source

_ONE_PAGE = 10  # rows; a table this small is read faster than its index
_MOST_POINTS = 100  # a longer IN list, or a wider range of integers, is likely to read the table


def is_scanned(context: Context, member: Relation, read: Read) -> bool:
    """Tell whether a table (``member``: the one read, or a partition or child of it) is read from end to end."""
    level, source = read.level, read.source
    if _never_true(context, member, level, source):
        return False
    rows = known_rows(member)
    if rows is not None and rows <= _ONE_PAGE:
        return True
    indexes = [index for index in context.catalog.indexes_of(member.name) if index.valid]
    if _by_point(indexes, level, source, context.catalog) or _by_ctid(level, source):
        return False
    if _by_narrow_range(indexes, level, source):
        return False
    if _looked_up(indexes, read, context):
        return False
    if read.target:
        return True
    alone = len(level.scope.sources) == 1
    if alone and not level.conditions:
        if level.link == "exists" or (level.limited and not level.grouped and not level.order):
            return False
        if _extreme(indexes, level) or _ordered(indexes, level):
            return False
    return True


def known_rows(relation: Relation) -> int | None:
    """Return how many rows a table holds, where that is known; Alembic's version table holds one for each head."""
    if relation.rows is None and relation.name.name == "alembic_version":
        return 1
    return relation.rows


def _never_true(context: Context, member: Relation, level: Level, source: Source) -> bool:
    """Tell whether a condition asks for NULL in a NOT NULL column, which PostgreSQL 18 answers without reading."""
    if context.version < 18:
        return False
    for condition in level.conditions:
        if isinstance(condition, pg.NullTest) and condition.nulltesttype == pg.IS_NULL:
            tested = unwrap(condition.arg)
            if isinstance(tested, pg.ColumnRef) and _owner(tested, level) is source:
                column = member.columns.get(strings(tested.fields)[-1])
                if column is not None and column.not_null and column.not_null_validated:
                    return True
    return False


def _tells_apart(source: Source, column: str, catalog: Catalog) -> bool:
    """Tell whether one value of a column is likely to mean few rows; not so for truth values and enums."""
    types = source.find(column)
    found = types[0] if types else None
    if found is None:
        return True
    user_type = catalog.types.get(found.name)
    return found.name.name != "bool" and not (user_type is not None and user_type.kind is TypeKind.ENUM)


def _by_point(indexes: Iterable[Index], level: Level, source: Source, catalog: Catalog) -> bool:
    """Tell whether a condition pins the first key of an index to constants."""
    points = [point for condition in level.conditions if (point := _point(condition, level, source)) is not None]
    for index in indexes:
        if index.method not in {"btree", "hash"} or not index.keys:
            continue
        if index.predicate is not None and not _implied(index.predicate.node, level.conditions):
            continue
        key = index.keys[0]
        for node in points:
            if key.column is not None:
                named = isinstance(node, pg.ColumnRef) and strings(node.fields)[-1] == key.column
                if named and (index.unique or len(index.keys) > 1 or _tells_apart(source, key.column, catalog)):
                    return True
            elif key.expression is not None and _same_expression(node, key.expression.node):
                return True
    return False


def _by_narrow_range(indexes: list[Index], level: Level, source: Source) -> bool:
    """Tell whether a condition keeps the first key of an index between two integers that are close to each other."""
    for condition in level.conditions:
        if not isinstance(condition, pg.A_Expr) or condition.kind != pg.AEXPR_BETWEEN:
            continue
        tested = unwrap(condition.lexpr)
        if not isinstance(tested, pg.ColumnRef) or _owner(tested, level) is not source:
            continue
        low, high = (value_of(item) for item in unwrap(condition.rexpr).items)
        if type(low) is not int or type(high) is not int or high - low > _MOST_POINTS:
            continue
        if _first_key([index for index in indexes if index.method == "btree"], strings(tested.fields)[-1]):
            return True
    return False


def _same_expression(node: Any, other: Any) -> bool:
    """Compare an expression of a query with an index's, whatever its columns are qualified by."""
    copy = type(node)()
    copy.CopyFrom(node)
    for reference in walk_kinds(copy, pg.ColumnRef):
        last = reference.fields[len(reference.fields) - 1]
        kept = type(last)()
        kept.CopyFrom(last)
        del reference.fields[:]
        reference.fields.append(kept)
    return same_tree(copy, other)


def _implied(predicate: Any, conditions: Iterable[Any]) -> bool:
    return any(_same_expression(condition, unwrap(predicate)) for condition in conditions)


def _point(condition: Any, level: Level, source: Source) -> Any:
    """Return what a condition compares with constants by equality or IN, or None."""
    if not isinstance(condition, pg.A_Expr) or strings(condition.name)[-1:] != ("=",):
        return None
    if condition.kind == pg.AEXPR_OP:
        for one, other in ((condition.lexpr, condition.rexpr), (condition.rexpr, condition.lexpr)):
            if _belongs(one, level, source) and is_constant(other, level):
                return _bare(one)
        return None
    if condition.kind == pg.AEXPR_IN:
        items = unwrap(condition.rexpr).items
        few = len(items) <= _MOST_POINTS and all(is_constant(item, level) for item in items)
        return _bare(condition.lexpr) if few and _belongs(condition.lexpr, level, source) else None
    if condition.kind == pg.AEXPR_OP_ANY and is_constant(condition.rexpr, level):
        return _bare(condition.lexpr) if _belongs(condition.lexpr, level, source) else None
    return None


def _bare(node: Any) -> Any:
    """Return an expression without casts that PostgreSQL leaves out when it matches indexes (varchar as text)."""
    inner = unwrap(node)
    while isinstance(inner, pg.TypeCast) and isinstance(unwrap(inner.arg), pg.ColumnRef):
        if strings(inner.type_name.names)[-1] not in {"text", "varchar"}:
            break
        inner = unwrap(inner.arg)
    return inner


def is_constant(node: Any, level: Level) -> bool:
    """Tell whether an expression has one value for the whole query: no table's column is in it."""
    scope: Scope | None = level.scope
    inside = _own_references(node)
    while scope is not None:
        for reference in walk_kinds(node, pg.ColumnRef):
            if any(reference is own for own in inside):
                continue
            if _in_sources(reference, scope.sources) is not None:
                return False
        scope = scope.outer
    return True


def _own_references(node: Any) -> list[Any]:
    """Return the references in scalar subqueries of one table that mean this table's own columns, by their looks."""
    own = []
    for link in walk_kinds(node, pg.SubLink):
        query = unwrap(link.subselect)
        if not isinstance(query, pg.SelectStmt) or len(query.from_clause) != 1:
            continue
        table = unwrap(query.from_clause[0])
        if isinstance(table, pg.RangeVar):
            name = table.alias.aliasname or table.relname
            references = walk_kinds(query, pg.ColumnRef)
            own += [one for one in references if len(one.fields) == 1 or strings(one.fields)[:1] == (name,)]
    return own


def _belongs(node: Any, level: Level, source: Source) -> bool:
    references = list(walk_kinds(node, pg.ColumnRef))
    if any(True for _ in walk_kinds(node, pg.SubLink)):
        return False
    return bool(references) and all(_owner(reference, level) is source for reference in references)


def _owner(reference: Any, level: Level) -> Source | None:
    """Return the entry of this level that a column reference means; None for an outer level's."""
    return _in_sources(reference, level.scope.sources)


def _in_sources(reference: Any, sources: list[Source]) -> Source | None:
    parts = strings(reference.fields)
    for source in sources:
        if (len(parts) > 1 and source.answers(parts)) or (len(parts) == 1 and source.find(parts[0])):
            return source
        if len(parts) == 1 and parts[0] == "ctid" and source.relation is not None:
            return source
    return None


def _by_ctid(level: Level, source: Source) -> bool:
    for condition in level.conditions:
        if isinstance(condition, pg.SubLink):
            tested = unwrap(condition.testexpr)
        elif isinstance(condition, pg.A_Expr) and condition.kind in {pg.AEXPR_OP, pg.AEXPR_OP_ANY, pg.AEXPR_IN}:
            tested = unwrap(condition.lexpr)
        else:
            continue
        named = isinstance(tested, pg.ColumnRef) and strings(tested.fields)[-1] == "ctid"
        if named and _owner(tested, level) is source:
            return True
    return False


# -- joins -------------------------------------------------------------------------------------------------------------


def _looked_up(indexes: list[Index], read: Read, context: Context) -> bool:
    """Tell whether a table is looked up by index for each row of something that yields few rows."""
    level = read.level
    for condition in level.conditions:
        pair = _equated(condition)
        if pair is None:
            continue
        for one, other in (pair, pair[::-1]):
            if _owner(one, level) is not read.source or not _first_key(indexes, strings(one.fields)[-1]):
                continue
            partner = _owner(other, level)
            if partner is None:
                # The other side is an outer level's: a subquery run for each of its rows, unless it becomes a join.
                if level.link and not level.filtering:
                    return True
                if level.link and level.outer is not None and _few(level.outer, other, context):
                    return True
                continue
            if partner is not read.source and _yields_few(partner, level, context):
                return True
    return False


def _few(level: Level, reference: Any, context: Context) -> bool:
    source = _owner(reference, level)
    return source is not None and _yields_few(source, level, context)


def _yields_few(source: Source, level: Level, context: Context) -> bool:
    if source.relation is None:
        return False
    indexes = [index for index in context.catalog.indexes_of(source.relation.name) if index.valid]
    return _by_point(indexes, level, source, context.catalog)


def _equated(condition: Any) -> tuple[Any, Any] | None:
    if isinstance(condition, pg.A_Expr) and condition.kind == pg.AEXPR_OP and strings(condition.name) == ("=",):
        left, right = unwrap(condition.lexpr), unwrap(condition.rexpr)
        if isinstance(left, pg.ColumnRef) and isinstance(right, pg.ColumnRef):
            return left, right
    return None


def _first_key(indexes: Iterable[Index], column: str) -> bool:
    return any(
        index.method in {"btree", "hash"} and index.keys and index.keys[0].column == column and index.predicate is None
        for index in indexes
    )


# -- order and extremes ------------------------------------------------------------------------------------------------


def _extreme(indexes: list[Index], level: Level) -> bool:
    """Tell whether all that is wanted is the smallest or largest value of an index's first column."""
    if level.by_groups:
        return False
    calls = [call for target in level.targets for call in walk_kinds(target, pg.FuncCall) if is_aggregate(call)]
    sorted_indexes = [index for index in indexes if index.method == "btree"]
    return bool(calls) and all(
        strings(call.funcname)[-1] in {"min", "max"}
        and len(call.args) == 1
        and isinstance(unwrap(call.args[0]), pg.ColumnRef)
        and _first_key(sorted_indexes, strings(unwrap(call.args[0]).fields)[-1])
        for call in calls
    )


def _ordered(indexes: list[Index], level: Level) -> bool:
    """Tell whether an index gives the order that is wanted."""
    if not level.order or level.grouped:
        return False
    first = unwrap(level.order[0])
    if not isinstance(first, pg.ColumnRef):
        return False
    return _first_key([index for index in indexes if index.method == "btree"], strings(first.fields)[-1])

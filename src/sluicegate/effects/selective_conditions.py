"""Conditions that few rows meet, and the indexes that find those rows."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from postgast import pg_query_pb2 as pg

from sluicegate.catalog.model import TypeKind
from sluicegate.effects.query_levels import Level, conjuncts
from sluicegate.statements.nodes import same_tree, strings, unwrap, value_of, walk_kinds

if TYPE_CHECKING:
    from collections.abc import Iterable

    from sluicegate.catalog.model import Catalog, Index, Relation
    from sluicegate.effects.context import Context
    from sluicegate.effects.scopes import Scope, Source

_MOST_POINTS = 100  # a longer IN list, or a wider range of integers, is likely to read the table


def names_one_row(context: Context, relation: Relation, level: Level) -> bool:
    """Tell whether conditions give every column of a unique key a constant."""
    source = next((one for one in level.scope.sources if one.relation is not None), None)
    if source is None:
        return False
    pinned = {
        strings(node.fields)[-1]
        for condition in level.conditions
        if isinstance(condition, pg.A_Expr) and condition.kind == pg.AEXPR_OP
        if isinstance(node := point_of(condition, level, source), pg.ColumnRef)
    }
    return any(
        index.unique and index.valid and index.predicate is None and {key.column for key in index.keys} <= pinned
        for index in context.catalog.indexes_of(relation.name)
    )


def tells_apart(source: Source, column: str, catalog: Catalog) -> bool:
    """Tell whether one value of a column is likely to mean few rows; not so for truth values and enums."""
    types = source.find(column)
    found = types[0] if types else None
    if found is None:
        return True
    user_type = catalog.types.get(found.name)
    return found.name.name != "bool" and not (user_type is not None and user_type.kind is TypeKind.ENUM)


def by_point(indexes: list[Index], level: Level, source: Source, catalog: Catalog) -> bool:
    """Tell whether a condition pins the first key of an index to constants."""
    for condition in level.conditions:
        if isinstance(condition, pg.BoolExpr) and condition.boolop == pg.OR_EXPR:
            branches = [Level(level.scope, conditions=conjuncts(part)) for part in condition.args]
            if all(by_point(indexes, branch, source, catalog) for branch in branches):
                return True
    points = [point for condition in level.conditions if (point := point_of(condition, level, source)) is not None]
    for index in indexes:
        if index.method not in {"btree", "hash"} or not index.keys:
            continue
        if index.predicate is not None and not _implied(index.predicate.node, level.conditions):
            continue
        key = index.keys[0]
        for node in points:
            if key.column is not None:
                named = isinstance(node, pg.ColumnRef) and strings(node.fields)[-1] == key.column
                if named and (index.unique or len(index.keys) > 1 or tells_apart(source, key.column, catalog)):
                    return True
            elif key.expression is not None and _same_expression(node, key.expression.node):
                return True
    return False


def by_narrow_range(indexes: list[Index], level: Level, source: Source) -> bool:
    """Tell whether a condition keeps the first key of an index between two integers that are close to each other."""
    sorted_indexes = [index for index in indexes if index.method == "btree"]
    lowest: dict[str, int] = {}
    highest: dict[str, int] = {}
    for condition in level.conditions:
        if not isinstance(condition, pg.A_Expr):
            continue
        tested = unwrap(condition.lexpr)
        if not isinstance(tested, pg.ColumnRef) or owner_of(tested, level) is not source:
            continue
        column, operator = strings(tested.fields)[-1], strings(condition.name)[-1]
        if condition.kind == pg.AEXPR_BETWEEN:
            low, high = (value_of(item) for item in unwrap(condition.rexpr).items)
        elif condition.kind == pg.AEXPR_OP and operator in {"<", "<=", ">", ">="}:
            value = value_of(condition.rexpr)
            low, high = (None, value) if operator[0] == "<" else (value, None)
        else:
            continue
        if type(low) is int:
            lowest[column] = max(low, lowest.get(column, low))
        if type(high) is int:
            highest[column] = min(high, highest.get(column, high))
    return any(
        highest[column] - max(lowest.get(column, 0), 0) <= _MOST_POINTS and is_first_key(sorted_indexes, column)
        for column in highest
    )


def by_null(indexes: list[Index], level: Level, source: Source) -> bool:
    """Tell whether a condition asks for NULL in the first key of an index."""
    sorted_indexes = [index for index in indexes if index.method == "btree"]
    for condition in level.conditions:
        if isinstance(condition, pg.NullTest) and condition.nulltesttype == pg.IS_NULL:
            tested = unwrap(condition.arg)
            named = isinstance(tested, pg.ColumnRef) and owner_of(tested, level) is source
            if named and not is_optional(source, level) and is_first_key(sorted_indexes, strings(tested.fields)[-1]):
                return True
    return False


def is_optional(source: Source, level: Level) -> bool:
    """Tell whether an outer join fills a table's columns with NULL where it has no row."""
    return any(source is one for _, sources in level.joined for one in sources)


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


def point_of(condition: Any, level: Level, source: Source) -> Any:
    """Return what a condition compares with constants by equality or IN, or None."""
    if not isinstance(condition, pg.A_Expr) or strings(condition.name)[-1:] != ("=",):
        return None
    if condition.kind == pg.AEXPR_OP:
        for one, other in ((condition.lexpr, condition.rexpr), (condition.rexpr, condition.lexpr)):
            if _belongs(one, level, source) and is_constant(other, level):
                return _bare(one, source)
        return None
    if condition.kind == pg.AEXPR_IN:
        items = unwrap(condition.rexpr).items
        few = len(items) <= _MOST_POINTS and all(is_constant(item, level) for item in items)
        return _bare(condition.lexpr, source) if few and _belongs(condition.lexpr, level, source) else None
    if condition.kind == pg.AEXPR_OP_ANY and is_constant(condition.rexpr, level):
        return _bare(condition.lexpr, source) if _belongs(condition.lexpr, level, source) else None
    return None


def _bare(node: Any, source: Source) -> Any:
    """Return an expression without casts that PostgreSQL leaves out when it matches indexes (varchar as text)."""
    inner = unwrap(node)
    while isinstance(inner, pg.TypeCast) and isinstance(unwrap(inner.arg), pg.ColumnRef):
        types = source.find(strings(unwrap(inner.arg).fields)[-1])
        textual = not types or types[0] is None or types[0].name.name in {"text", "varchar", "bpchar"}
        if strings(inner.type_name.names)[-1] not in {"text", "varchar"} or not textual:
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
    return bool(references) and all(owner_of(reference, level) is source for reference in references)


def owner_of(reference: Any, level: Level) -> Source | None:
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


def by_ctid(level: Level, source: Source) -> bool:
    for condition in level.conditions:
        if isinstance(condition, pg.SubLink):
            tested = unwrap(condition.testexpr)
        elif isinstance(condition, pg.A_Expr) and condition.kind in {pg.AEXPR_OP, pg.AEXPR_OP_ANY, pg.AEXPR_IN}:
            tested = unwrap(condition.lexpr)
        else:
            continue
        named = isinstance(tested, pg.ColumnRef) and strings(tested.fields)[-1] == "ctid"
        if named and owner_of(tested, level) is source:
            return True
    return False


def is_first_key(indexes: Iterable[Index], column: str) -> bool:
    return any(
        index.method in {"btree", "hash"} and index.keys and index.keys[0].column == column and index.predicate is None
        for index in indexes
    )

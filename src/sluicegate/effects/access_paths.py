"""Whether a query reads a table from end to end or by an index.

The planner decides by sizes and statistics that a schema does not hold, so this follows what it does with tables of
some size and no skew whose keys count up from 1: a condition that few rows meet is answered by an index that begins
with its column, anything else reads the table.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from postgast import pg_query_pb2 as pg

from sluicegate.catalog.model import ConstraintKind
from sluicegate.effects.grouping import is_aggregate
from sluicegate.effects.query_levels import Level, conjuncts
from sluicegate.effects.scopes import OutputColumns, Scope, Source
from sluicegate.effects.selective_conditions import (
    by_ctid,
    by_narrow_range,
    by_null,
    by_point,
    is_first_key,
    is_optional,
    names_one_row,
    owner_of,
    point_of,
    tells_apart,
)
from sluicegate.statements.nodes import strings, unwrap, value_of, walk_kinds

if TYPE_CHECKING:
    from sluicegate.catalog.model import Index, Relation
    from sluicegate.effects.context import Context
    from sluicegate.effects.query_levels import Read

_ONE_PAGE = 10  # rows; a table this small is read faster than its index


def is_scanned(context: Context, member: Relation, read: Read) -> bool:
    """Tell whether a table (``member``: the one read, or a partition or child of it) is read from end to end."""
    level, source = read.level, read.source
    if read.sampled or _never_true(context, member, level, source):
        return False
    rows = known_rows(member)
    if rows is not None and rows <= _ONE_PAGE:
        return True
    indexes = [index for index in context.catalog.indexes_of(member.name) if index.valid]
    if by_point(indexes, level, source, context.catalog) or by_ctid(level, source):
        return False
    if by_narrow_range(indexes, level, source) or by_null(indexes, level, source):
        return False
    if _looked_up(indexes, read, context):
        return False
    if read.target:
        return True
    alone = len(level.scope.sources) == 1
    if alone and not level.conditions:
        if level.link == "exists" or (level.limited and not level.grouped and not level.order):
            return False
        if _extreme(indexes, level) or _distinct_by_index(indexes, level) or _ordered(indexes, level):
            return False
    return not (alone and level.limited and _ordered(indexes, level) and _keeps_many(level))


def known_rows(relation: Relation) -> int | None:
    """Return how many rows a table holds, where that is known; Alembic's version table holds one for each head."""
    if relation.rows is None and relation.name.name == "alembic_version":
        return 1
    return relation.rows


def _never_true(context: Context, member: Relation, level: Level, source: Source) -> bool:
    """Tell whether no row can meet the conditions, so that nothing is read.

    PostgreSQL 18 knows it too of a condition that asks for NULL in a NOT NULL column.
    """
    if any(isinstance(one, pg.A_Const) and value_of(one) in {False, None} for one in level.conditions):
        return True
    if context.version < 18:
        return False
    for condition in level.conditions:
        if isinstance(condition, pg.NullTest) and condition.nulltesttype == pg.IS_NULL:
            tested = unwrap(condition.arg)
            if (
                isinstance(tested, pg.ColumnRef)
                and owner_of(tested, level) is source
                and not is_optional(source, level)
            ):
                column = member.columns.get(strings(tested.fields)[-1])
                if column is not None and column.not_null and column.not_null_validated:
                    return True
    return False


# -- joins -------------------------------------------------------------------------------------------------------------


def _looked_up(indexes: list[Index], read: Read, context: Context) -> bool:
    """Tell whether a table is looked up by index for each row of something that yields few rows."""
    level = read.level
    optional = [condition for condition, sources in level.joined if any(read.source is one for one in sources)]
    for condition in [*level.conditions, *optional]:
        if _among_few(condition, indexes, read, context):
            return True
        pair = _equated(condition)
        if pair is None:
            continue
        for one, other in (pair, pair[::-1]):
            if owner_of(one, level) is not read.source or not is_first_key(indexes, strings(one.fields)[-1]):
                continue
            partner = owner_of(other, level)
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
    source = owner_of(reference, level)
    return source is not None and _yields_few(source, level, context)


def _yields_few(source: Source, level: Level, context: Context) -> bool:
    if source.relation is None:
        return False
    indexes = [index for index in context.catalog.indexes_of(source.relation.name) if index.valid]
    return by_point(indexes, level, source, context.catalog) or _yields_one(source.relation, level, context)


def _yields_one(relation: Relation, level: Level, context: Context) -> bool:
    """Tell whether conditions are likely to leave a row or two of a table.

    A column that references another table, or that is compared with its own default, repeats its values.
    """
    if names_one_row(context, relation, level):
        return True
    source = next((one for one in level.scope.sources if one.relation is relation), None)
    if source is None:
        return False
    repeating = {
        column
        for constraint in relation.constraints.values()
        if constraint.kind is ConstraintKind.FOREIGN_KEY
        for column in constraint.columns
    }
    for condition in level.conditions:
        node = point_of(condition, level, source)
        if not isinstance(node, pg.ColumnRef) or condition.kind != pg.AEXPR_OP:
            continue
        name = strings(node.fields)[-1]
        column = relation.columns.get(name)
        if column is None or name in repeating or not tells_apart(source, name, context.catalog):
            continue
        default = value_of(column.default.node) if column.default is not None else None
        if default is None or default not in {value_of(condition.lexpr), value_of(condition.rexpr)}:
            return True
    return False


def _among_few(condition: Any, indexes: list[Index], read: Read, context: Context) -> bool:
    """Tell whether a table's indexed column is looked for among the few rows that a subquery of one table gives."""
    if not isinstance(condition, pg.SubLink) or condition.sub_link_type != pg.ANY_SUBLINK or condition.oper_name:
        return False
    tested, query = unwrap(condition.testexpr), unwrap(condition.subselect)
    if not isinstance(tested, pg.ColumnRef) or owner_of(tested, read.level) is not read.source:
        return False
    if not is_first_key(indexes, strings(tested.fields)[-1]) or not isinstance(query, pg.SelectStmt):
        return False
    if query.op != pg.SETOP_NONE or len(query.from_clause) != 1 or query.group_clause or query.HasField("with_clause"):
        return False
    table = unwrap(query.from_clause[0])
    relation = context.relation(table) if isinstance(table, pg.RangeVar) else None
    if relation is None or not query.HasField("where_clause"):
        return False
    columns: OutputColumns = [(name, column.type) for name, column in relation.columns.items()]
    source = Source(table.alias.aliasname or relation.name.name, columns, relation)
    level = Level(Scope([source]), conditions=conjuncts(query.where_clause))
    return _yields_one(relation, level, context)


def _equated(condition: Any) -> tuple[Any, Any] | None:
    if isinstance(condition, pg.A_Expr) and condition.kind == pg.AEXPR_OP and strings(condition.name) == ("=",):
        left, right = unwrap(condition.lexpr), unwrap(condition.rexpr)
        if isinstance(left, pg.ColumnRef) and isinstance(right, pg.ColumnRef):
            return left, right
    return None


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
        and is_first_key(sorted_indexes, strings(unwrap(call.args[0]).fields)[-1])
        for call in calls
    )


def _distinct_by_index(indexes: list[Index], level: Level) -> bool:
    """Tell whether the one aggregate counts distinct values of an index's first column, which come sorted from it."""
    calls = [call for target in level.targets for call in walk_kinds(target, pg.FuncCall) if is_aggregate(call)]
    if level.by_groups or len(calls) != 1 or not calls[0].agg_distinct or len(calls[0].args) != 1:
        return False
    argument = unwrap(calls[0].args[0])
    sorted_indexes = [index for index in indexes if index.method == "btree"]
    return isinstance(argument, pg.ColumnRef) and is_first_key(sorted_indexes, strings(argument.fields)[-1])


def _ordered(indexes: list[Index], level: Level) -> bool:
    """Tell whether an index gives the order that is wanted."""
    if not level.order or level.grouped:
        return False
    first = unwrap(level.order[0])
    if not isinstance(first, pg.ColumnRef):
        return False
    return is_first_key([index for index in indexes if index.method == "btree"], strings(first.fields)[-1])


def _keeps_many(level: Level) -> bool:
    """Tell whether conditions leave so many rows that the first of them in an index's order are found soon."""
    first = strings(unwrap(level.order[0]).fields)[-1]
    for condition in level.conditions:
        columns = {strings(reference.fields)[-1] for reference in walk_kinds(condition, pg.ColumnRef)}
        compared = isinstance(condition, pg.A_Expr) and condition.kind == pg.AEXPR_OP
        wide = compared and strings(condition.name)[-1] in {"<", "<=", ">", ">=", "<>"}
        present = isinstance(condition, pg.NullTest) and condition.nulltesttype == pg.IS_NOT_NULL
        if columns != {first} and not wide and not present:
            return False
    return True

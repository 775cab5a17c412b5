"""INSERT: its columns and values, defaults and sequences, ON CONFLICT, and the partition a row goes to."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from postgast import pg_query_pb2 as pg

from sluicegate.catalog.expressions import Meaning
from sluicegate.catalog.model import RelationKind
from sluicegate.effects.change_targets import (
    Target,
    assign,
    assign_type,
    column_of,
    lock_ancestors,
    lock_path,
    lock_target,
    resolve_target,
)
from sluicegate.effects.constants import Incomparable
from sluicegate.effects.context import Refused
from sluicegate.effects.data_changes import assignments, fire, note_new_values
from sluicegate.effects.model import LockMode
from sluicegate.effects.query_levels import Level, Stage
from sluicegate.effects.reading import note_reads
from sluicegate.effects.referential_actions import note_own_keys
from sluicegate.effects.row_values import (
    constant_values,
    destination,
    is_null,
    may_be_changed,
    note_default,
    note_unique,
    null_violation,
    outside_partition,
    rejected,
)
from sluicegate.effects.scopes import Scope, Source
from sluicegate.effects.stored_values import check_fits
from sluicegate.statements.nodes import same_tree, unwrap

if TYPE_CHECKING:
    from sluicegate.catalog.model import Column, Relation
    from sluicegate.effects.context import Context
    from sluicegate.effects.queries import QueryReader

_RX = LockMode.RowExclusiveLock


def note_insert(context: Context, reader: QueryReader, node: Any, stage: Stage, around: Scope | None = None) -> None:
    """Note the effects of an ``InsertStmt`` whose WITH clause has been read; ``around`` are a rule's OLD and NEW."""
    level = Level(Scope(outer=around or reader.outermost))
    target = resolve_target(context, reader, node.relation, level, "insert")
    reader.reads.remove(target.read)
    source = unwrap(node.select_stmt) if node.HasField("select_stmt") else None
    is_values = False
    width = None
    if isinstance(source, pg.SelectStmt) and source.values_lists and source.op == pg.SETOP_NONE:
        is_values, width = True, len(source.values_lists[0].list.items)
    columns = _columns(context, node, target, width)
    rows: list[dict[str, Any]] = [{}]
    if source is not None:
        rows = (
            _rows(reader, source, columns, level, node)
            if is_values
            else [_selected(reader, source, columns, level, node)]
        )
    _conflict(context, reader, node, target, level)
    if node.HasField("returning_clause"):
        reader.targets(node.returning_clause.exprs, level)
    lock_target(context, target)
    if target.handled:
        return
    context.builder.lock(target.relation, _RX)
    note_reads(context, reader, stage)
    if stage is Stage.EXECUTED:
        for row in rows:
            sure = is_values or source is None or _gives_one_row(source)
            settled = node.HasField("on_conflict_clause")
            note_inserted(context, target.relation, row, certain=sure, settled=settled)


def _gives_one_row(source: Any) -> bool:
    """Tell whether a query is a bare list of values."""
    plain = isinstance(source, pg.SelectStmt) and source.op == pg.SETOP_NONE and not source.from_clause
    if not plain or source.HasField("where_clause") or source.HasField("limit_count"):
        return False
    return all(isinstance(unwrap(item.res_target.val), pg.A_Const) for item in source.target_list)


def _columns(context: Context, node: Any, target: Target, width: int | None) -> list[Column]:
    if node.cols:
        found = []
        for item in node.cols:
            column = column_of(context, target, item.res_target.name)
            if column in found and not item.res_target.indirection:
                raise Refused("42701", f'column "{item.res_target.name}" specified more than once')
            found.append(column)
        return found
    names = list(target.named.columns)
    if width is not None and width > len(names):
        raise Refused("42601", "INSERT has more expressions than target columns")
    return [column_of(context, target, name) for name in (names if width is None else names[:width])]


def _rows(reader: QueryReader, source: Any, columns: list[Column], level: Level, node: Any) -> list[dict[str, Any]]:
    rows = []
    empty = Level(Scope(outer=level.scope.outer))
    for values in source.values_lists:
        items = list(values.list.items)
        if len(items) > len(columns):
            raise Refused("42601", "INSERT has more expressions than target columns")
        if len(items) < len(columns) and node.cols:
            raise Refused("42601", "INSERT has more target columns than expressions")
        row = {}
        for column, value in zip(columns, items, strict=False):
            _check_fixed(column, value, node)
            assign(reader, empty, column, value)
            row[column.name] = unwrap(value)
        rows.append(row)
    return rows


def _check_fixed(column: Column, value: Any, node: Any) -> None:
    """Refuse a value for a column that makes its own."""
    if isinstance(unwrap(value), pg.SetToDefault):
        return
    always = column.identity == "always" and node.override not in {
        pg.OVERRIDING_SYSTEM_VALUE,
        pg.OVERRIDING_USER_VALUE,
    }
    if column.generated is not None or always:
        raise Refused("428C9", f'cannot insert a non-DEFAULT value into column "{column.name}"')


def _selected(reader: QueryReader, source: Any, columns: list[Column], level: Level, node: Any) -> dict[str, Any]:
    given = reader.query(source, level.scope.outer)
    if given and len(given) > len(columns):
        raise Refused("42601", "INSERT has more expressions than target columns")
    if given and len(given) < len(columns) and node.cols:
        raise Refused("42601", "INSERT has more target columns than expressions")
    literals = [unwrap(item.res_target.val) for item in source.target_list] if source.op == pg.SETOP_NONE else []
    literals = literals if len(literals) == len(given) else [None] * len(given)
    row: dict[str, Any] = {}
    for column, (_, sql_type), value in zip(columns, given, literals, strict=False):
        _check_fixed(column, value, node)
        if sql_type is not None:
            found = None
            if isinstance(value, pg.A_Const):
                found = reader.reader(Level(Scope())).read(value)
            assign_type(reader, level, column, sql_type, found or Meaning(sql_type))
        row[column.name] = value if isinstance(value, pg.A_Const) else None
    return row


def read_values(context: Context, reader: QueryReader, clause: Any, target: Target, level: Level) -> dict[str, Any]:
    """Read the values of MERGE's INSERT and return column → value."""
    names = [item.res_target.name for item in clause.target_list] or list(target.named.columns)
    columns = [column_of(context, target, name) for name in names]
    if len(clause.values) > len(columns):
        raise Refused("42601", "INSERT has more expressions than target columns")
    row = {}
    for column, value in zip(columns, clause.values, strict=False):
        assign(reader, level, column, value)
        row[column.name] = unwrap(value)
    return row


# -- ON CONFLICT -------------------------------------------------------------------------------------------------------


def _conflict(context: Context, reader: QueryReader, node: Any, target: Target, level: Level) -> None:
    if not node.HasField("on_conflict_clause"):
        return
    clause = node.on_conflict_clause
    if clause.HasField("infer"):
        _infer(context, reader, clause.infer, target, level)
    if clause.action != pg.ONCONFLICT_UPDATE:
        return
    excluded = Source("excluded", [(name, column.type) for name, column in target.named.columns.items()])
    inside = Level(Scope([*level.scope.sources, excluded]))
    assigned = assignments(context, reader, clause.target_list, target, inside)
    if clause.HasField("where_clause"):
        reader.condition(clause.where_clause, inside)
    note_new_values(context, target.relation, assigned, every_row=False)


def _infer(context: Context, reader: QueryReader, infer: Any, target: Target, level: Level) -> None:
    """Source: ``infer_arbiter_indexes`` in PostgreSQL's optimizer/util/plancat.c."""
    relation = target.relation
    if infer.conname:
        if infer.conname not in relation.constraints:
            context.absent("42704", f'constraint "{infer.conname}" for table "{relation.name.name}" does not exist')
        return
    wanted: set[str] = set()
    expressions = []
    for item in infer.index_elems:
        element = item.index_elem
        if element.name:
            if element.name not in target.named.columns:
                context.absent("42703", f'column "{element.name}" does not exist')
            wanted.add(target.columns.get(element.name, element.name))
        else:
            reader.reader(level).read(element.expr)
            expressions.append(unwrap(element.expr))
    for index in context.catalog.indexes_of(relation.name):
        if not index.unique or not index.valid:
            continue
        own = {key.column for key in index.keys if key.column is not None}
        trees = [key.expression.node for key in index.keys if key.expression is not None]
        if own != wanted or len(trees) != len(expressions):
            continue
        if not all(any(same_tree(one, other) for other in trees) for one in expressions):
            continue
        if index.predicate is not None and not infer.HasField("where_clause"):
            continue
        return
    raise Refused("42P10", "there is no unique or exclusion constraint matching the ON CONFLICT specification")


# -- rows --------------------------------------------------------------------------------------------------------------


def note_inserted(
    context: Context, relation: Relation, row: dict[str, Any], *, certain: bool, settled: bool = False
) -> None:
    """Note what storing a new row locks and checks.

    Args:
        context: the statement's context.
        relation: the table.
        row: column → value; None for a value that a query gives.
        certain: whether the row is inserted for sure, so that what rejects it rejects the statement.
        settled: whether ON CONFLICT says what happens where a row with the same key is there.
    """
    given = {name: value for name, value in row.items() if not isinstance(value, pg.SetToDefault)}
    missing = _defaults(context, relation, given)
    for name, value in given.items():
        if value is not None:
            check_fits(relation.columns[name], value, context.catalog)
    values = constant_values(
        relation, {name: value for name, value in given.items() if value is not None}, context.catalog
    )
    # A row is sent to its partition before that checks it.
    absent = {
        column.name: None
        for column in relation.columns.values()
        if column.name not in given and column.default is None and column.identity is None and not column.generated
    }
    refusal = _place(context, relation, {**absent, **values})
    if refusal is None or relation.kind is not RelationKind.PARTITIONED:
        first = rejected(relation, {**{name: None for name in absent if missing is None}, **values}, context.catalog)
        if missing and (first is None or first.refusal.sqlstate != "23514"):
            first = null_violation(relation, missing)
        refusal = first or refusal
    if refusal is not None:
        if certain and not may_be_changed(context, relation, "insert"):
            raise refusal
        context.builder.depends("fails if the query gives a row")
    lock_ancestors(context, relation)
    keys = {name for name, value in given.items() if value is None or not is_null(value)}
    note_own_keys(context, relation, keys)
    if not settled:
        note_unique(context, relation, keys)
    fire(context, relation, "insert", given)


def _defaults(context: Context, relation: Relation, given: dict[str, Any]) -> str | None:
    """Note the sequences behind columns that are left out, and return one that is left out and must not be."""
    missing = None
    for column in relation.columns.values():
        if column.name in given:
            continue
        note_default(context, relation, column)
        if column.identity is not None or column.default is not None:
            continue
        if column.not_null and column.generated is None:
            user_type = context.catalog.types.get(column.type.name)
            if user_type is None or user_type.default is None:
                missing = missing or column.name
    return missing


def _place(context: Context, relation: Relation, values: dict[str, Any]) -> Refused | None:
    """Note the partition that a row goes to, and return why there is none."""
    catalog, builder = context.catalog, context.builder
    if relation.kind is RelationKind.PARTITIONED:
        try:
            lock_path(context, destination(context, relation, values), relation)
        except Refused as refused:
            return refused
        except Incomparable:
            for member in catalog.descendants_of(relation.name):
                builder.lock(member, _RX)
            builder.depends("locks only the partitions that rows go to")
        return None
    return outside_partition(context, relation, values)

"""SELECT, INSERT, UPDATE, DELETE, MERGE and what runs or carries them: which tables they lock and read."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from postgast import pg_query_pb2 as pg

from sluicegate.catalog.expressions import Invalid
from sluicegate.catalog.model import RelationKind
from sluicegate.effects.access_paths import known_rows
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
from sluicegate.effects.model import LockMode, LossKind
from sluicegate.effects.queries import QueryReader, note_query
from sluicegate.effects.query_levels import Level, Stage, conjuncts
from sluicegate.effects.reading import note_reads
from sluicegate.effects.referential_actions import note_own_keys, note_referencing
from sluicegate.effects.row_values import (
    constant_values,
    destination,
    is_null,
    may_be_changed,
    note_default,
    note_unique,
    outside_partition,
    rejected,
)
from sluicegate.effects.scopes import Scope
from sluicegate.effects.selective_conditions import names_one_row
from sluicegate.effects.stored_values import check_fits
from sluicegate.effects.table_contents import predict_table_contents
from sluicegate.statements.nodes import options, strings, truth, unwrap

if TYPE_CHECKING:
    from collections.abc import Iterable

    from sluicegate.catalog.model import Relation
    from sluicegate.effects.context import Context
    from sluicegate.effects.model import Effects

_RX = LockMode.RowExclusiveLock
_EXPLAIN_OPTIONS = {
    *("analyze", "verbose", "costs", "buffers", "wal", "settings", "generic_plan", "timing", "summary", "format"),
}
CHANGES = (pg.InsertStmt, pg.UpdateStmt, pg.DeleteStmt, pg.MergeStmt)


def predict_data_changes(context: Context, node: Any) -> Effects:
    """Predict a statement that reads or changes rows."""
    match node:
        case pg.SelectStmt() if _into(node) is not None:
            from sluicegate.effects.tables import note_select_into

            note_select_into(context, node, _into(node))
        case pg.SelectStmt():
            note_query(context, node)
        case pg.InsertStmt() | pg.UpdateStmt() | pg.DeleteStmt() | pg.MergeStmt():
            note_change(context, node, Stage.EXECUTED)
        case pg.ExplainStmt():
            _explain(context, node)
        case pg.PrepareStmt():
            _prepare(context, node)
        case pg.DeclareCursorStmt():
            note_query(context, node.query, executed=False)
        case pg.ExecuteStmt():
            context.builder.unknown(f"what was prepared as {node.name} is not known")
        case _:
            predict_table_contents(context, node)
    return context.builder.finish()


def _into(node: Any) -> Any:
    while node.op != pg.SETOP_NONE:
        node = node.larg
    return node.into_clause if node.HasField("into_clause") else None


def note_change(context: Context, node: Any, stage: Stage, *, outer: Scope | None = None) -> None:
    """Note the effects of INSERT, UPDATE, DELETE or MERGE."""
    note_change_with(context, QueryReader(context), node, stage, outer=outer)


def note_change_with(
    context: Context, reader: QueryReader, node: Any, stage: Stage, *, outer: Scope | None = None
) -> None:
    """Note the effects of a change that a given reader reads, such as one that knows a function's parameters."""
    try:
        reader.open_ctes(node, outer)
        match node:
            case pg.InsertStmt():
                from sluicegate.effects.inserts import note_insert

                note_insert(context, reader, node, stage, outer)
            case pg.UpdateStmt():
                _update(context, reader, node, stage, outer)
            case pg.DeleteStmt():
                _delete(context, reader, node, stage, outer)
            case _:
                _merge(context, reader, node, stage, outer)
    except Invalid as invalid:
        raise Refused(invalid.sqlstate, invalid.message) from None


# -- UPDATE ------------------------------------------------------------------------------------------------------------


def _update(context: Context, reader: QueryReader, node: Any, stage: Stage, outer: Scope | None) -> None:
    level = Level(Scope(outer=outer or reader.outermost))
    target = resolve_target(context, reader, node.relation, level, "update")
    for item in node.from_clause:
        level.scope.sources += reader.from_item(unwrap(item), level)
    assigned = assignments(context, reader, node.target_list, target, level)
    _conditions(reader, node, level)
    _returning(reader, node, level)
    lock_target(context, target)
    if target.handled:
        return
    target.read.relation = target.relation
    note_reads(context, reader, stage)
    if stage is Stage.EXECUTED:
        every_row = not level.conditions and not node.from_clause
        one_row = not node.from_clause and names_one_row(context, target.relation, level)
        note_new_values(context, target.relation, assigned, every_row=every_row, one_row=one_row)
        fire(context, target.relation, "update", assigned)


def assignments(
    context: Context, reader: QueryReader, items: Iterable[Any], target: Target, level: Level
) -> dict[str, Any]:
    """Read the SET list and return column of the table → value; None for a value that several columns share.

    Raises:
        Refused: a column does not exist, is assigned twice, or does not take the value.
    """
    assigned: dict[str, Any] = {}
    for item in items:
        element = item.res_target
        column = column_of(context, target, element.name)
        value = unwrap(element.val)
        if element.indirection:
            reader.reader(level).read(element.val)
            assigned.setdefault(column.name, None)
            continue
        if column.name in assigned:
            raise Refused("42601", f'multiple assignments to same column "{element.name}"')
        if isinstance(value, pg.MultiAssignRef):
            value = _part(reader, value, level, column)
        fixed = column.generated is not None or column.identity == "always"
        if fixed and not isinstance(value, pg.SetToDefault):
            raise Refused("428C9", f'column "{column.name}" can only be updated to DEFAULT')
        if value is not None:
            assign(reader, level, column, value)
        assigned[column.name] = value
    return assigned


def _part(reader: QueryReader, value: Any, level: Level, column: Any) -> Any:
    """Return one column's value of ``(a, b) = (…)``; None when a subquery gives it, which is read once."""
    source = unwrap(value.source)
    if isinstance(source, pg.RowExpr):
        if len(source.args) != value.ncolumns:
            raise Refused("42601", "number of columns does not match number of values")
        return unwrap(source.args[value.colno - 1])
    if isinstance(source, pg.SubLink):
        if value.colno == 1:
            columns = reader.query(source.subselect, level.scope, link="expression", outer=level)
            if columns and len(columns) != value.ncolumns:
                raise Refused("42601", "number of columns does not match number of values")
            if columns and columns[0][1] is not None:
                assign_type(reader, level, column, columns[0][1])
        return None
    if value.colno == 1:
        reader.reader(level).read(source)
    return None


def note_new_values(
    context: Context, relation: Relation, assigned: dict[str, Any], *, every_row: bool, one_row: bool = False
) -> None:
    """Note what storing new values in existing rows checks and locks.

    Args:
        context: the statement's context.
        relation: the table.
        assigned: column → value; None for a value that several columns share.
        every_row: whether all rows get the values.
        one_row: whether a row is named by its key, so that it is meant to be there.
    """
    catalog, builder = context.catalog, context.builder
    changed = {name for name, value in assigned.items() if not _is_itself(value, name)}
    note_own_keys(context, relation, {n for n in changed if assigned[n] is None or not is_null(assigned[n])})
    note_referencing(context, relation, changed=changed, every_row=False)
    if relation.kind is RelationKind.TABLE:
        lock_ancestors(context, relation)
    for name, value in assigned.items():
        if value is not None:
            check_fits(relation.columns[name], value, catalog)
        if isinstance(value, pg.SetToDefault):
            note_default(context, relation, relation.columns[name])
    note_unique(context, relation, changed, itself=True)
    values = constant_values(relation, {name: value for name, value in assigned.items() if value is not None}, catalog)
    refusal = rejected(relation, values, catalog) or outside_partition(context, relation, values)
    if refusal is None and relation.kind is RelationKind.PARTITIONED:
        try:
            lock_path(context, destination(context, relation, values), relation)
        except Refused as none:
            refusal = none
        except Incomparable:
            pass
    if refusal is None:
        refusal = _all_alike(context, relation, values) if every_row else None
    if refusal is not None:
        builder.depends(f"fails if {relation.name} holds a row to change")
        if (every_row or one_row) and relation.rows != 0 and not may_be_changed(context, relation, "update"):
            raise refusal
    for column in sorted(assigned):
        builder.lose(LossKind.VALUES, relation, column, detail="overwritten")


def _is_itself(value: Any, column: str) -> bool:
    return isinstance(value, pg.ColumnRef) and strings(value.fields)[-1] == column


def _all_alike(context: Context, relation: Relation, values: dict[str, Any]) -> Refused | None:
    """Return the error of giving every row the same value in a unique column."""
    for index in context.catalog.indexes_of(relation.name):
        keys = [key.column for key in index.keys]
        if not index.unique or index.predicate is not None or not all(key in values for key in keys):
            continue
        if any(values[key] is None for key in keys if key is not None) and not index.nulls_not_distinct:
            continue
        context.builder.depends(f"fails if {relation.name} holds more than one row")
        rows = known_rows(relation)
        if rows is not None and rows < 2:
            continue
        return Refused("23505", f'duplicate key value violates unique constraint "{index.name.name}"')
    return None


# -- DELETE ------------------------------------------------------------------------------------------------------------


def _delete(context: Context, reader: QueryReader, node: Any, stage: Stage, outer: Scope | None) -> None:
    level = Level(Scope(outer=outer or reader.outermost))
    target = resolve_target(context, reader, node.relation, level, "delete")
    for item in node.using_clause:
        level.scope.sources += reader.from_item(unwrap(item), level)
    _conditions(reader, node, level)
    _returning(reader, node, level)
    lock_target(context, target)
    if target.handled:
        return
    target.read.relation = target.relation
    note_reads(context, reader, stage)
    if stage is Stage.EXECUTED:
        every_row = not level.conditions and not node.using_clause
        note_referencing(context, target.relation, changed=None, every_row=every_row)
        context.builder.lose(LossKind.ROWS, target.relation, detail="all rows" if every_row else "")
        fire(context, target.relation, "delete", {})


def _conditions(reader: QueryReader, node: Any, level: Level) -> None:
    if node.HasField("where_clause"):
        level.conditions += conjuncts(node.where_clause)
        reader.condition(node.where_clause, level)


def _returning(reader: QueryReader, node: Any, level: Level) -> None:
    if node.HasField("returning_clause"):
        reader.targets(node.returning_clause.exprs, level)


# -- MERGE -------------------------------------------------------------------------------------------------------------


def _merge(context: Context, reader: QueryReader, node: Any, stage: Stage, outer: Scope | None) -> None:
    from sluicegate.effects.inserts import note_inserted, read_values

    level = Level(Scope(outer=outer or reader.outermost))
    target = resolve_target(context, reader, node.relation, level, "merge")
    level.scope.sources += reader.from_item(unwrap(node.source_relation), level)
    level.conditions += conjuncts(node.join_condition)
    reader.condition(node.join_condition, level, "JOIN/ON")
    lock_target(context, target)
    target.read.relation = target.relation
    inserted: list[dict[str, Any]] = []
    updated: dict[str, Any] = {}
    deleting = False
    for item in node.merge_when_clauses:
        clause = item.merge_when_clause
        if clause.HasField("condition"):
            reader.condition(clause.condition, level)
        match clause.command_type:
            case pg.CMD_UPDATE:
                updated |= assignments(context, reader, clause.target_list, target, level)
            case pg.CMD_DELETE:
                deleting = True
            case pg.CMD_INSERT:
                inserted.append(read_values(context, reader, clause, target, level))
    _returning(reader, node, level)
    note_reads(context, reader, stage)
    if stage is not Stage.EXECUTED:
        return
    if updated:
        note_new_values(context, target.relation, updated, every_row=False)
        fire(context, target.relation, "update", updated)
    if deleting:
        note_referencing(context, target.relation, changed=None, every_row=False)
        context.builder.lose(LossKind.ROWS, target.relation)
        fire(context, target.relation, "delete", {})
    for values in inserted:
        note_inserted(context, target.relation, values, certain=False)


# -- triggers ----------------------------------------------------------------------------------------------------------


def fire(context: Context, relation: Relation, event: str, assigned: dict[str, Any]) -> None:
    """Note what a table's triggers and rules do for an event."""
    from sluicegate.effects.blocks import note_function

    for trigger in relation.triggers.values():
        if event not in trigger.events or trigger.enabled == "D":
            continue
        if event == "update" and trigger.update_columns and not set(trigger.update_columns) & set(assigned):
            continue
        for function in context.catalog.functions.get(trigger.function, ()):
            note_function(context, function, trigger_on=relation)


# -- EXPLAIN, PREPARE --------------------------------------------------------------------------------------------------


def _explain(context: Context, node: Any) -> None:
    given = options(node.options)
    for name in given:
        if name not in _EXPLAIN_OPTIONS and not (name in {"memory", "serialize"} and context.version >= 17):
            raise Refused("42601", f'unrecognized EXPLAIN option "{name}"')
    executed = truth(given.get("analyze", False))
    inner = unwrap(node.query)
    if isinstance(inner, pg.CreateTableAsStmt):
        note_query(context, inner.query, executed=executed)
    elif isinstance(inner, CHANGES):
        note_change(context, inner, Stage.EXECUTED if executed else Stage.PLANNED)
    elif isinstance(inner, pg.SelectStmt):
        note_query(context, inner, executed=executed)
    else:
        context.builder.unknown("what the explained statement does is not known")


def _prepare(context: Context, node: Any) -> None:
    inner = unwrap(node.query)
    if isinstance(inner, CHANGES):
        note_change(context, inner, Stage.ANALYZED)
    else:
        note_query(context, inner, executed=False, planned=False)

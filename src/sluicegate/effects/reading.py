"""From the tables a query names to locks and scans: views opened up, partitions chosen, functions called."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

from postgast import pg_query_pb2 as pg

from sluicegate.catalog.model import RelationKind
from sluicegate.effects.access_paths import is_scanned
from sluicegate.effects.context import Refused
from sluicegate.effects.model import LockMode
from sluicegate.effects.pruning import partitions_read
from sluicegate.effects.queries import QueryReader
from sluicegate.effects.query_levels import Level, Read, Stage
from sluicegate.statements.nodes import qualified, string, strings, unwrap, walk_kinds

if TYPE_CHECKING:
    from sluicegate.catalog.model import Relation
    from sluicegate.effects.context import Context

_AS, _RX = LockMode.AccessShareLock, LockMode.RowExclusiveLock
_MAX_DEPTH = 32
_NAME_PARTS = re.compile(r'"((?:[^"]|"")*)"|([^".]+)')


def note_reads(context: Context, reader: QueryReader, stage: Stage) -> None:
    """Note what a statement's reads lock and, once it runs, scan and call."""
    reader.drop_unused()
    for read in reader.reads:
        note_read(context, read, Stage.ANALYZED if read.unused else stage)
    for node, outer in reader.changes:
        from sluicegate.effects.data_changes import note_change

        note_change(context, node, stage, outer=outer)
    if stage is Stage.EXECUTED:
        from sluicegate.effects.calls import note_call

        for call in reader.calls:
            note_call(context, call)


def note_read(context: Context, read: Read, stage: Stage, depth: int = 0) -> None:
    """Note one relation's lock, and below it what is read to answer the query."""
    builder, relation = context.builder, read.relation
    builder.lock(relation, read.mode)
    if stage is Stage.ANALYZED:
        return
    match relation.kind:
        case RelationKind.VIEW:
            _open_view(context, read, stage, depth)
        case RelationKind.MATERIALIZED_VIEW if relation.populated is False and stage is Stage.EXECUTED:
            raise Refused("55000", f'materialized view "{relation.name.name}" has not been populated')
        case RelationKind.TABLE | RelationKind.PARTITIONED | RelationKind.MATERIALIZED_VIEW:
            for member in partitions_read(context, read):
                builder.lock(member, read.mode)
                for index in context.catalog.indexes_of(member.name):
                    builder.lock(index, read.mode)
                if stage is Stage.EXECUTED and is_scanned(context, member, read):
                    builder.scan(member, "no index answers the query")
            if relation.kind is RelationKind.TABLE:
                _policies(context, relation)


def _policies(context: Context, relation: Relation) -> None:
    """Row-level security adds its conditions for everybody but the table's owner and superusers, who migrate."""
    if relation.force_row_security and relation.policies:
        context.builder.unknown(f"which policies of {relation.name} apply depends on who runs the statement")


def _open_view(context: Context, read: Read, stage: Stage, depth: int) -> None:
    view = read.relation
    if view.query is None or view.query.node is None or depth > _MAX_DEPTH:
        context.builder.unknown(f"what the view {view.name} reads is not known")
        return
    inner = QueryReader(context)
    inner.query(view.query.node)
    _push_down(read, inner, unwrap(view.query.node))
    for below in inner.reads:
        below.mode = max(below.mode, read.mode) if read.mode is LockMode.RowShareLock else below.mode
        note_read(context, below, stage, depth + 1)
    if stage is Stage.EXECUTED:
        from sluicegate.effects.calls import note_call

        for call in inner.calls:
            note_call(context, call)


def _push_down(read: Read, inner: QueryReader, query: Any) -> None:
    """Give a simple view's query the conditions and the LIMIT that stand around the view."""
    if not isinstance(query, pg.SelectStmt) or query.op != pg.SETOP_NONE:
        return
    levels = {id(below.level): below.level for below in inner.reads if below.level.outer is None}
    if len(levels) != 1:
        return
    (level,) = levels.values()
    if level.grouped:
        return
    alone = len(read.level.scope.sources) == 1
    level.limited = level.limited or (alone and read.level.limited)
    level.grouped = level.grouped or read.level.grouped
    outputs = {
        item.res_target.name or strings(unwrap(item.res_target.val).fields)[-1]: unwrap(item.res_target.val)
        for item in query.target_list
        if isinstance(unwrap(item.res_target.val), pg.ColumnRef)
    }
    for condition in read.level.conditions:
        moved = substituted(condition, outputs, read)
        if moved is not None:
            level.conditions.append(moved)


def substituted(condition: Any, outputs: dict[str, Any], read: Read) -> Any:
    """Return a condition on a view as one on what the view's columns stand for; None when it is about more."""
    references = list(walk_kinds(condition, pg.ColumnRef))
    if not references or any(True for _ in walk_kinds(condition, pg.SubLink)):
        return None
    for reference in references:
        parts = strings(reference.fields)
        if parts[-1] not in outputs or (len(parts) > 1 and parts[-2] != read.source.name):
            return None
    copy = type(condition)()
    copy.CopyFrom(condition)
    for reference in list(walk_kinds(copy, pg.ColumnRef)):
        reference.CopyFrom(outputs[strings(reference.fields)[-1]])
    return copy


def view_base(context: Context, view: Relation) -> tuple[Relation, Level, dict[str, str]] | None:
    """Return the table behind an automatically updatable view, its query's level, and view column → table column.

    Source: ``view_query_is_auto_updatable`` in PostgreSQL's rewrite/rewriteHandler.c.
    """
    query = unwrap(view.query.node) if view.query is not None and view.query.node is not None else None
    if not isinstance(query, pg.SelectStmt) or query.op != pg.SETOP_NONE or len(query.from_clause) != 1:
        return None
    if query.distinct_clause or query.group_clause or query.HasField("having_clause") or query.HasField("with_clause"):
        return None
    if query.HasField("limit_count") or query.HasField("limit_offset") or query.window_clause:
        return None
    if not isinstance(unwrap(query.from_clause[0]), pg.RangeVar):
        return None
    reader = QueryReader(context)
    reader.query(query)
    if not reader.reads or any(read.level.grouped for read in reader.reads[:1]):
        return None
    base = reader.reads[0]
    if base.relation.kind not in {RelationKind.TABLE, RelationKind.PARTITIONED, RelationKind.VIEW}:
        return None
    pairs = zip(view.columns, _expanded(query, base), strict=False)
    return base.relation, base.level, {name: column for name, column in pairs if column is not None}


def _expanded(query: Any, base: Read) -> list[str | None]:
    found: list[str | None] = []
    for item in query.target_list:
        value = unwrap(item.res_target.val)
        if isinstance(value, pg.ColumnRef):
            if isinstance(unwrap(value.fields[-1]), pg.A_Star):
                found += list(base.relation.columns)
            else:
                found.append(strings(value.fields)[-1])
        else:
            found.append(None)
    return found


def sequence_argument(context: Context, node: Any) -> Relation | None:
    """Return the sequence that the argument of ``nextval`` or ``setval`` names.

    Raises:
        Refused: it names something that does not exist (42P01) or is no sequence (42809).
    """
    inner = unwrap(node)
    while isinstance(inner, pg.TypeCast):
        inner = unwrap(inner.arg)
    if isinstance(inner, pg.FuncCall) and qualified(inner.funcname)[1] == "pg_get_serial_sequence":
        return _owned_sequence(context, inner)
    if not isinstance(inner, pg.A_Const) or not string(inner):
        return None
    name = split_name(string(inner))
    found = context.relation_or_index(name)
    if found is None:
        context.missing(name, parsing=True)
    if getattr(found, "kind", None) is not RelationKind.SEQUENCE:
        raise Refused("42809", f'"{found.name.name}" is not a sequence')
    return context.catalog.relations[found.name]


def _owned_sequence(context: Context, call: Any) -> Relation | None:
    if len(call.args) != 2 or not string(call.args[0]) or not string(call.args[1]):
        return None
    table = context.relation(split_name(string(call.args[0])))
    if table is None:
        return None
    for relation in context.catalog.relations.values():
        if relation.owned_by == (table.name, string(call.args[1])):
            return relation
    return None


def split_name(text: str) -> tuple[str | None, str]:
    """Return schema and name of an SQL name in a string, quoted or not (``regclassin``)."""
    parts: list[str] = []
    for quoted, plain in _NAME_PARTS.findall(text.strip()):
        parts.append(quoted.replace('""', '"') if quoted else plain.lower())
    return (parts[-2] if len(parts) > 1 else None), (parts[-1] if parts else text)

"""COPY, TRUNCATE and LOCK TABLE."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from postgast import pg_query_pb2 as pg

from sluicegate.catalog.model import Index, RelationKind
from sluicegate.effects.context import Refused
from sluicegate.effects.model import LockMode, LossKind
from sluicegate.effects.queries import QueryReader, note_query
from sluicegate.statements.nodes import options, strings, truth, unwrap

if TYPE_CHECKING:
    from sluicegate.catalog.model import Name, Relation
    from sluicegate.effects.context import Context

_AX = LockMode.AccessExclusiveLock
_FORMATS = {"text", "csv", "binary"}


def predict_table_contents(context: Context, node: Any) -> None:
    """Note the effects of COPY, TRUNCATE or LOCK TABLE."""
    match node:
        case pg.CopyStmt():
            _copy(context, node)
        case pg.TruncateStmt():
            _truncate(context, node)
        case pg.LockStmt():
            _lock(context, node)
        case _:
            context.builder.unknown("what the statement does is not modelled")


# -- COPY --------------------------------------------------------------------------------------------------------------


def _copy(context: Context, node: Any) -> None:
    """Source: ``DoCopy``, ``BeginCopyTo`` and ``BeginCopyFrom`` in PostgreSQL's commands."""
    builder = context.builder
    if not node.HasField("relation"):
        inner = unwrap(node.query)
        if isinstance(inner, pg.SelectStmt):
            note_query(context, inner)
        else:
            from sluicegate.effects.data_changes import note_change
            from sluicegate.effects.query_levels import Stage

            note_change(context, inner, Stage.EXECUTED)
        return
    relation = context.relation(node.relation)
    if relation is None:
        if context.is_system(node.relation):
            return
        context.missing(node.relation)
    given = options(node.options)
    if "format" in given and str(given["format"]) not in _FORMATS:
        raise Refused("22023", f'COPY format "{given["format"]}" not recognized')
    direction = "to" if node.is_from else "from"
    copyable = {RelationKind.TABLE} | ({RelationKind.PARTITIONED, RelationKind.FOREIGN} if node.is_from else set())
    if (
        node.is_from
        and relation.kind is RelationKind.VIEW
        and any(t.timing == "instead of" for t in relation.triggers.values())
    ):
        copyable.add(RelationKind.VIEW)
    if context.version >= 18 and not node.is_from:
        copyable.add(RelationKind.MATERIALIZED_VIEW)
    for column in strings(node.attlist):
        if column not in relation.columns:
            context.absent("42703", f'column "{column}" of relation "{relation.name.name}" does not exist')
        if relation.columns[column].generated is not None:
            raise Refused("42P10", f'column "{column}" is a generated column')
    if relation.kind not in copyable:
        raise Refused("42809", f'cannot copy {direction} {relation.kind.value} "{relation.name.name}"')
    if node.filename and not node.is_program:
        builder.depends(f"fails if the server has no file {node.filename}")
    if node.is_from:
        if truth(given.get("freeze", False)) and relation.created_in != context.catalog.transaction:
            why = "because the table was not created or truncated in the current subtransaction"
            raise Refused("55000", f"cannot perform COPY FREEZE {why}")
        builder.lock(relation, LockMode.RowExclusiveLock)
    else:
        builder.lock(relation, LockMode.AccessShareLock)
        builder.scan(relation, "COPY writes out every row")


# -- TRUNCATE ----------------------------------------------------------------------------------------------------------


def _truncate(context: Context, node: Any) -> None:
    """Source: ``ExecuteTruncate`` and ``heap_truncate_check_FKs`` in PostgreSQL."""
    members: dict[Name, Relation] = {}
    for item in node.relations:
        for member in _truncated(context, item.range_var):
            members.setdefault(member.name, member)
    cascade = node.behavior == pg.DROP_CASCADE
    asked = set(members)
    pending = list(members.values())
    while pending:
        relation = pending.pop()
        for referenced in (relation.name, *(relation.parents if relation.bound is not None else ())):
            for holder, constraint in context.catalog.foreign_keys_to(referenced):
                if constraint.inherited and holder.bound is not None:
                    continue
                if holder.name in members:
                    continue
                if not cascade:
                    raise Refused("0A000", "cannot truncate a table referenced in a foreign key constraint")
                for member in (holder, *context.catalog.descendants_of(holder.name)):
                    members[member.name] = member
                    pending.append(member)
    for relation in members.values():
        _empty(context, relation, restart=node.restart_seqs, asked=relation.name in asked)


def _truncated(context: Context, name: Any) -> list[Relation]:
    found = context.relation_or_index(name)
    if found is None:
        if context.is_system(name):
            raise Refused("42501", f'permission denied: "{name.relname}" is a system catalog')
        context.missing(name)
    if isinstance(found, Index) or found.kind not in {
        RelationKind.TABLE,
        RelationKind.PARTITIONED,
        RelationKind.FOREIGN,
    }:
        raise Refused("42809", f'"{found.name.name}" is not a table')
    if not name.inh:
        if found.kind is RelationKind.PARTITIONED:
            raise Refused("42809", "cannot truncate only a partitioned table")
        return [found]
    return [found, *context.catalog.descendants_of(found.name)]


def _empty(context: Context, relation: Relation, *, restart: bool, asked: bool) -> None:
    builder = context.builder
    builder.lock(relation, _AX)
    builder.rewrite(relation, "TRUNCATE gives the table a new, empty file", emptied=True)
    if relation.kind is RelationKind.TABLE:
        for index in context.catalog.indexes_of(relation.name):
            builder.lock(index, _AX)
        builder.lose(LossKind.ROWS, relation, asked=asked, detail="all rows")
    if restart:
        for sequence in context.catalog.relations.values():
            if sequence.owned_by is not None and sequence.owned_by[0] == relation.name:
                builder.lock(sequence, _AX)


# -- LOCK TABLE --------------------------------------------------------------------------------------------------------


def _lock(context: Context, node: Any) -> None:
    """Source: ``LockTableCommand`` in PostgreSQL's commands/lockcmds.c; a view's tables are locked with it."""
    mode = LockMode(node.mode)
    for item in node.relations:
        name = item.range_var
        found = context.relation_or_index(name)
        if found is None:
            if context.is_system(name):
                continue
            context.missing(name)
        lockable = {RelationKind.TABLE, RelationKind.PARTITIONED, RelationKind.VIEW}
        if isinstance(found, Index) or found.kind not in lockable:
            raise Refused("42809", f'cannot lock relation "{found.name.name}"')
        _lock_all(context, found, mode, recurse=name.inh)


def _lock_all(context: Context, relation: Relation, mode: LockMode, *, recurse: bool, depth: int = 0) -> None:
    context.builder.lock(relation, mode)
    if relation.kind is RelationKind.VIEW:
        if relation.query is None or relation.query.node is None or depth > 32:
            context.builder.unknown(f"what the view {relation.name} reads is not known")
            return
        reader = QueryReader(context)
        reader.query(relation.query.node)
        for read in reader.reads:
            if read.relation.kind in {RelationKind.TABLE, RelationKind.PARTITIONED, RelationKind.VIEW}:
                _lock_all(context, read.relation, mode, recurse=not read.only, depth=depth + 1)
    elif recurse:
        for member in context.catalog.descendants_of(relation.name):
            context.builder.lock(member, mode)

"""CREATE INDEX and REINDEX, plain and CONCURRENTLY, on tables, partitioned tables and materialized views."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from postgast import pg_query_pb2 as pg

from sluicegate.catalog.model import Index, Name, RelationKind
from sluicegate.catalog.replay import apply
from sluicegate.effects.context import Refused
from sluicegate.effects.failing_values import note_computed
from sluicegate.effects.index_definition import check_definition, check_tablespace
from sluicegate.effects.model import LockMode
from sluicegate.effects.partitions import built_tables
from sluicegate.effects.vector_indexes import check_build, check_row_size
from sluicegate.statements.nodes import option_texts, options, truth

if TYPE_CHECKING:
    from collections.abc import Iterable

    from sluicegate.catalog.model import Relation
    from sluicegate.effects.context import Context
    from sluicegate.effects.index_definition import Key
    from sluicegate.effects.model import Effects

_AX, _SUX, _SHARE = LockMode.AccessExclusiveLock, LockMode.ShareUpdateExclusiveLock, LockMode.ShareLock
_STORED = {RelationKind.TABLE, RelationKind.MATERIALIZED_VIEW}


def predict_indexes(context: Context, node: Any) -> Effects:
    """Predict CREATE INDEX and REINDEX."""
    if isinstance(node, pg.ReindexStmt):
        _reindex(context, node)
    else:
        _create(context, node)
    return context.builder.finish()


# -- CREATE INDEX ------------------------------------------------------------------------------------------------------


def _create(context: Context, node: Any) -> None:
    builder = context.builder
    if node.concurrent:
        builder.forbid_in_transaction("CREATE INDEX CONCURRENTLY")
    relation = _table(context, node.relation)
    keys = check_definition(context, relation, node)
    recurse = node.relation.inh and relation.kind is RelationKind.PARTITIONED
    for member in (relation, *(context.catalog.descendants_of(relation.name) if recurse else ())):
        if member.kind is RelationKind.FOREIGN:
            _refuse_foreign(relation, node)
        builder.lock(member, _SUX if node.concurrent else _SHARE)
    name = Name(relation.name.schema, node.idxname)
    if node.idxname and (name in context.catalog.relations or name in context.catalog.indexes):
        if node.if_not_exists:
            return
        raise Refused("42P07", f'relation "{node.idxname}" already exists')
    for table in built_tables(context.catalog, apply(context.statement, context.catalog, context.session)):
        _build(context, node, context.catalog.relations[table], keys)


def _table(context: Context, name: Any) -> Relation:
    found = context.relation_or_index(name)
    if found is None:
        if context.is_system(name):
            if name.schemaname == "information_schema":
                raise Refused("42809", f'cannot create index on relation "{name.relname}"')
            raise Refused("42501", f'permission denied: "{name.relname}" is a system catalog')
        context.missing(name)
    if isinstance(found, Index):
        raise Refused("42809", f'cannot open relation "{found.name.name}"')
    return found


def _refuse_foreign(relation: Relation, node: Any) -> None:
    if node.unique:
        raise Refused("42809", f'cannot create unique index on partitioned table "{relation.name.name}"')


def _build(context: Context, node: Any, table: Relation, keys: tuple[Key, ...]) -> None:
    if table.kind not in _STORED:
        return
    builder, method = context.builder, node.access_method or "btree"
    check_build(context, table, method, keys, option_texts(node.options))
    for item in node.index_params:
        if item.index_elem.HasField("expr"):
            note_computed(context, table, item.index_elem.expr)
    if method == "btree":
        included = [
            table.columns[name].type
            for item in node.index_including_params
            if (name := item.index_elem.name) in table.columns
        ]
        check_row_size(context, table, node.idxname, [*(key.type for key in keys), *included])
    builder.build(table, "the index is built from every row")
    if node.unique:
        shown = ", ".join(key.column or "an expression" for key in keys)
        builder.depends(f"fails if {table.name} holds equal values in {shown}")


# -- REINDEX -----------------------------------------------------------------------------------------------------------


def _reindex(context: Context, node: Any) -> None:
    """Source: ``ExecReindex`` in PostgreSQL's commands/indexcmds.c."""
    given = options(node.params)
    for name in given:
        if name not in {"verbose", "concurrently", "tablespace"}:
            raise Refused("42601", f'unrecognized REINDEX option "{name}"')
    concurrently = truth(given.get("concurrently", False))
    if concurrently:
        context.builder.forbid_in_transaction("REINDEX CONCURRENTLY")
    if isinstance(given.get("tablespace"), str):
        check_tablespace(context, given["tablespace"])
    match node.kind:
        case pg.REINDEX_OBJECT_INDEX:
            _reindex_index(context, node, concurrently=concurrently)
        case pg.REINDEX_OBJECT_TABLE:
            _reindex_table(context, node, concurrently=concurrently)
        case _:
            _reindex_many(context, node, concurrently=concurrently)


def _reindex_index(context: Context, node: Any, *, concurrently: bool) -> None:
    found = context.relation_or_index(node.relation)
    if found is None:
        if context.is_system(node.relation):
            return
        context.missing(node.relation)
    if not isinstance(found, Index):
        raise Refused("42809", f'"{found.name.name}" is not an index')
    table = context.catalog.relations.get(found.table)
    if table is not None and table.kind is RelationKind.PARTITIONED:
        context.builder.forbid_in_transaction("REINDEX INDEX")
    _rebuild(context, [found, *_partition_indexes(context, found)], concurrently=concurrently)


def _partition_indexes(context: Context, parent: Index) -> list[Index]:
    found = []
    for index in context.catalog.indexes.values():
        if index.parent == parent.name:
            found += [index, *_partition_indexes(context, index)]
    return found


def _reindex_table(context: Context, node: Any, *, concurrently: bool) -> None:
    relation = context.relation_or_index(node.relation)
    if relation is None:
        if context.is_system(node.relation):
            if concurrently:
                raise Refused("0A000", "cannot reindex system catalogs concurrently")
            return
        context.missing(node.relation)
    if isinstance(relation, Index) or relation.kind not in {*_STORED, RelationKind.PARTITIONED}:
        raise Refused("42809", f'"{relation.name.name}" is not a table or materialized view')
    context.builder.lock(relation, _SUX if concurrently else _SHARE)
    members: tuple[Relation, ...] = (relation,)
    if relation.kind is RelationKind.PARTITIONED:
        context.builder.forbid_in_transaction("REINDEX TABLE")
        members = context.catalog.descendants_of(relation.name)
        for member in members:
            # They are first found with SHARE, even CONCURRENTLY (ReindexPartitions).
            context.builder.lock(member, _SHARE)
    for member in members:
        _rebuild(context, context.catalog.indexes_of(member.name), concurrently=concurrently)


def _reindex_many(context: Context, node: Any, *, concurrently: bool) -> None:
    words = {
        pg.REINDEX_OBJECT_SCHEMA: "REINDEX SCHEMA",
        pg.REINDEX_OBJECT_SYSTEM: "REINDEX SYSTEM",
        pg.REINDEX_OBJECT_DATABASE: "REINDEX DATABASE",
    }
    context.builder.forbid_in_transaction(words.get(node.kind, "REINDEX"))
    if node.kind == pg.REINDEX_OBJECT_SYSTEM:
        if concurrently:
            raise Refused("0A000", "cannot reindex system catalogs concurrently")
        return
    if node.kind == pg.REINDEX_OBJECT_SCHEMA and node.name not in context.catalog.schemas:
        if node.name in {"pg_catalog", "information_schema", "pg_toast"}:
            return
        context.absent("3F000", f'schema "{node.name}" does not exist')
    for relation in context.catalog.relations.values():
        if relation.kind not in _STORED:
            continue
        if node.kind == pg.REINDEX_OBJECT_SCHEMA and relation.name.schema != node.name:
            continue
        context.builder.lock(relation, _SUX if concurrently else _SHARE)
        _rebuild(context, context.catalog.indexes_of(relation.name), concurrently=concurrently)


def _rebuild(context: Context, indexes: Iterable[Index], *, concurrently: bool) -> None:
    builder = context.builder
    for index in indexes:
        builder.lock(index.table, _SUX if concurrently else _SHARE)
        table = context.catalog.relations.get(index.table)
        if table is None or table.kind not in _STORED:
            continue
        if not concurrently:
            builder.lock(index, _AX)
        builder.build(table, "the index is built anew from every row")

"""VACUUM, ANALYZE, CLUSTER, REFRESH MATERIALIZED VIEW and CHECKPOINT."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from postgast import pg_query_pb2 as pg

from sluicegate.catalog.model import Index, RelationKind
from sluicegate.effects.context import Refused
from sluicegate.effects.model import LockMode
from sluicegate.statements.nodes import options, strings, truth, unwrap

if TYPE_CHECKING:
    from sluicegate.catalog.model import Relation
    from sluicegate.effects.context import Context
    from sluicegate.effects.model import Effects

_AX, _SUX, _AS = LockMode.AccessExclusiveLock, LockMode.ShareUpdateExclusiveLock, LockMode.AccessShareLock
_STORED = {RelationKind.TABLE, RelationKind.MATERIALIZED_VIEW}
_BOOLEAN_WORDS = {"true", "false", "on", "off", "1", "0"}

# ExecVacuum in PostgreSQL 18's commands/vacuum.c; the number is the first version that knows the option.
_ANALYZE_OPTIONS = {"verbose": 0, "skip_locked": 0, "buffer_usage_limit": 16}
_VACUUM_OPTIONS = {
    **_ANALYZE_OPTIONS,
    **dict.fromkeys(("analyze", "freeze", "full", "disable_page_skipping", "index_cleanup", "truncate", "parallel"), 0),
    "process_toast": 14,
    "process_main": 16,
    "skip_database_stats": 16,
    "only_database_stats": 16,
}


def predict_maintenance(context: Context, node: Any) -> Effects:
    """Predict a statement that looks after tables and changes no definition."""
    match node:
        case pg.VacuumStmt():
            if node.is_vacuumcmd:
                _vacuum(context, node)
            else:
                _analyze(context, node)
        case pg.ClusterStmt():
            _cluster(context, node)
        case pg.RefreshMatViewStmt():
            _refresh(context, node)
    return context.builder.finish()


# -- VACUUM and ANALYZE ------------------------------------------------------------------------------------------------


def _vacuum(context: Context, node: Any) -> None:
    builder = context.builder
    given = _options(context, node, "VACUUM", _VACUUM_OPTIONS)
    full, analyze = truth(given.get("full", False)), truth(given.get("analyze", False))
    _check_vacuum(given, node, full=full, analyze=analyze)
    builder.forbid_in_transaction("VACUUM")
    if truth(given.get("only_database_stats", False)):
        return
    for relation, columns in _targets(context, node):
        if analyze:
            _require_columns(context, relation, columns)
        if relation.kind not in _STORED | {RelationKind.PARTITIONED}:
            continue  # a warning, and the lock is let go
        for member in _with_partitions(context, relation):
            builder.lock(member, _AX if full else _SUX)
            if full and member.kind in _STORED:
                builder.rewrite(member, "VACUUM FULL writes the table anew")


def _check_vacuum(given: dict[str, Any], node: Any, *, full: bool, analyze: bool) -> None:
    parallel = given.get("parallel")
    if "parallel" in given:
        number = _integer(parallel)
        if number is None:
            raise Refused("42601", "parallel option requires a value between 0 and 1024")
        if not 0 <= number <= 1024:
            raise Refused("42601", "parallel workers for vacuum must be between 0 and 1024")
        if full and number > 0:
            raise Refused("0A000", "VACUUM FULL cannot be performed in parallel")
    if full and "buffer_usage_limit" in given and not analyze:
        raise Refused("0A000", "BUFFER_USAGE_LIMIT cannot be specified for VACUUM FULL")
    if not analyze and any(item.vacuum_relation.va_cols for item in node.rels):
        raise Refused("0A000", "ANALYZE option must be specified when a column list is provided")
    if full and truth(given.get("disable_page_skipping", False)):
        raise Refused("0A000", "VACUUM option DISABLE_PAGE_SKIPPING cannot be used with FULL")
    if full and not truth(given.get("process_toast", True)):
        raise Refused("0A000", "PROCESS_TOAST required with VACUUM FULL")
    if truth(given.get("only_database_stats", False)):
        if node.rels:
            raise Refused("0A000", "ONLY_DATABASE_STATS cannot be specified with a list of tables")
        if full or analyze or truth(given.get("freeze", False)):
            raise Refused("0A000", "ONLY_DATABASE_STATS cannot be specified with other VACUUM options")


def _options(context: Context, node: Any, command: str, known: dict[str, int]) -> dict[str, Any]:
    given = options(node.options)
    for name, value in given.items():
        if name not in known or known[name] > context.version:
            raise Refused("42601", f'unrecognized {command} option "{name}"')
        if name == "index_cleanup" and str(value).lower() not in {*_BOOLEAN_WORDS, "auto"}:
            raise Refused("42601", "index_cleanup requires a Boolean value")
        plain = name not in {"parallel", "buffer_usage_limit", "index_cleanup"} and not isinstance(value, bool)
        if plain and str(value).lower() not in _BOOLEAN_WORDS:
            raise Refused("42601", f"{name} requires a Boolean value")
    return given


def _integer(value: Any) -> int | None:
    try:
        return int(str(value))
    except ValueError:
        return None


def _analyze(context: Context, node: Any) -> None:
    builder = context.builder
    _options(context, node, "ANALYZE", _ANALYZE_OPTIONS)
    only = {item.vacuum_relation.relation.relname for item in node.rels if not item.vacuum_relation.relation.inh}
    for relation, columns in _targets(context, node):
        if relation.kind not in _STORED | {RelationKind.PARTITIONED, RelationKind.FOREIGN}:
            continue  # a warning, and the lock is let go
        if relation.name.name in only:
            for child in context.catalog.descendants_of(relation.name):
                builder.lock(child, _AS)
        _require_columns(context, relation, columns)
        for member in _with_partitions(context, relation):
            builder.lock(member, _SUX)
            if member.kind in _STORED:
                for index in context.catalog.indexes_of(member.name):
                    builder.lock(index, _AS)
        if relation.kind is RelationKind.TABLE and relation.bound is None and relation.name.name not in only:
            for child in context.catalog.descendants_of(relation.name):
                _analyze_child(context, child)


def _analyze_child(context: Context, child: Relation) -> None:
    """Note an inheritance child: its rows are sampled with its parent's; from 18 on it is analyzed itself too."""
    context.builder.lock(child, _SUX if context.version >= 18 else _AS)
    if context.version >= 18:
        for index in context.catalog.indexes_of(child.name):
            context.builder.lock(index, _AS)


def _targets(context: Context, node: Any) -> list[tuple[Relation, tuple[str, ...]]]:
    if not node.rels:
        return [
            (relation, ())
            for relation in context.catalog.relations.values()
            if relation.kind in _STORED | {RelationKind.PARTITIONED} and relation.persistence != "temporary"
        ]
    found = []
    for item in node.rels:
        target = item.vacuum_relation
        if context.is_system(target.relation):
            continue
        relation = context.relation_or_index(target.relation)
        if relation is None:
            context.missing(target.relation)
        if isinstance(relation, Index):
            continue
        found.append((relation, strings(target.va_cols)))
        if context.version >= 18 and target.relation.inh and relation.kind is RelationKind.TABLE:
            found += [(child, ()) for child in context.catalog.descendants_of(relation.name)]
    return found


def _require_columns(context: Context, relation: Relation, columns: tuple[str, ...]) -> None:
    for number, column in enumerate(columns):
        if column not in relation.columns:
            context.absent("42703", f'column "{column}" of relation "{relation.name.name}" does not exist')
        if column in columns[:number]:
            raise Refused("42701", f'column "{column}" of relation "{relation.name.name}" appears more than once')


def _with_partitions(context: Context, relation: Relation) -> tuple[Relation, ...]:
    if relation.kind is not RelationKind.PARTITIONED:
        return (relation,)
    only = (
        any(
            item.vacuum_relation.relation.relname == relation.name.name and not item.vacuum_relation.relation.inh
            for item in context.statement.node.rels
        )
        if isinstance(context.statement.node, pg.VacuumStmt)
        else False
    )
    return (relation,) if only else (relation, *context.catalog.descendants_of(relation.name))


# -- CLUSTER -----------------------------------------------------------------------------------------------------------


def _cluster(context: Context, node: Any) -> None:
    """Source: ``cluster`` and ``check_index_is_clusterable`` in PostgreSQL's commands/cluster.c."""
    builder = context.builder
    for name in options(node.params):
        if name != "verbose":
            raise Refused("42601", f'unrecognized CLUSTER option "{name}"')
    if not node.HasField("relation"):
        builder.forbid_in_transaction("CLUSTER")
        for index in context.catalog.indexes.values():
            if index.clustered:
                _rewrite_clustered(context, context.catalog.relations[index.table])
        return
    relation = context.relation_or_index(node.relation)
    if relation is None:
        context.missing(node.relation)
    if isinstance(relation, Index) or relation.kind not in _STORED | {RelationKind.PARTITIONED}:
        raise Refused("42809", f'"{relation.name.name}" is not a table or materialized view')
    if node.indexname and not context.catalog.complete:
        known = context.relation_or_index((relation.name.schema, node.indexname))
        if known is None and relation.kind is not RelationKind.PARTITIONED:
            # Whatever index it is, the table is written anew by it.
            _rewrite_clustered(context, relation)
            return
    index = _clustering_index(context, node, relation)
    if relation.kind is RelationKind.PARTITIONED:
        if context.version < 15:
            raise Refused("0A000", "cannot cluster a partitioned table")
        builder.forbid_in_transaction("CLUSTER")
    check_clusterable(context, index)
    builder.lock(relation, _AX)
    if relation.kind is RelationKind.PARTITIONED:
        for member in context.catalog.descendants_of(relation.name):
            builder.lock(member, _AX)
            builder.rewrite(member, "CLUSTER writes the table in the index's order")
        return
    _rewrite_clustered(context, relation)


def _rewrite_clustered(context: Context, relation: Relation) -> None:
    context.builder.lock(relation, _AX)
    for index in context.catalog.indexes_of(relation.name):
        context.builder.lock(index, _AX)
    context.builder.rewrite(relation, "CLUSTER writes the table in the index's order")


def _clustering_index(context: Context, node: Any, relation: Relation) -> Index:
    if not node.indexname:
        for index in context.catalog.indexes_of(relation.name):
            if index.clustered:
                return index
        context.absent("42704", f'there is no previously clustered index for table "{relation.name.name}"')
    found = context.relation_or_index((relation.name.schema, node.indexname))
    if found is None:
        context.absent("42704", f'index "{node.indexname}" for table "{relation.name.name}" does not exist')
    if not isinstance(found, Index) or found.table != relation.name:
        raise Refused("42809", f'"{node.indexname}" is not an index for table "{relation.name.name}"')
    return found


def check_clusterable(context: Context, index: Index) -> None:
    """Refuse an index that a table cannot be clustered by."""
    from sluicegate.effects.operator_classes import access_method

    method = access_method(index.method, context.catalog, context.version)
    name = index.name.name
    if method is not None and not method.clusters:
        raise Refused("0A000", f'cannot cluster on index "{name}" because access method does not support clustering')
    if index.predicate is not None:
        raise Refused("0A000", f'cannot cluster on partial index "{name}"')
    if not index.valid:
        raise Refused("0A000", f'cannot cluster on invalid index "{name}"')


# -- REFRESH -----------------------------------------------------------------------------------------------------------


def _refresh(context: Context, node: Any) -> None:
    """Source: ``ExecRefreshMatView`` in PostgreSQL's commands/matview.c."""
    from sluicegate.effects.queries import note_query

    builder = context.builder
    view = context.relation_or_index(node.relation)
    if view is None:
        context.missing(node.relation)
    if isinstance(view, Index) or view.kind not in {*_STORED, RelationKind.PARTITIONED}:
        raise Refused("42809", f'"{view.name.name}" is not a table or materialized view')
    if view.kind is not RelationKind.MATERIALIZED_VIEW:
        raise Refused("0A000", f'"{view.name.name}" is not a materialized view')
    if node.concurrent and view.populated is False:
        raise Refused("0A000", "CONCURRENTLY cannot be used when the materialized view is not populated")
    if node.concurrent and node.skip_data:
        raise Refused("42601", "CONCURRENTLY and WITH NO DATA options cannot be used together")
    indexes = context.catalog.indexes_of(view.name)
    if node.concurrent:
        if not any(_identifies_rows(index) for index in indexes):
            raise Refused("55000", f'cannot refresh materialized view "{view.name}" concurrently')
        if view.populated is None:
            builder.depends(f"fails if {view.name} was never populated")
        builder.lock(view, LockMode.ExclusiveLock)
        for index in indexes:
            builder.lock(index, LockMode.RowExclusiveLock)
        builder.scan(view, "the new result is compared with every row")
    else:
        builder.lock(view, _AX)
        for index in indexes:
            builder.lock(index, _AX)
        builder.rewrite(view, "the materialized view is filled anew", emptied=node.skip_data or not indexes)
    if view.query is None or view.query.node is None:
        builder.unknown(f"what {view.name} reads is not known")
    elif not node.skip_data:
        note_query(context, unwrap(view.query.node), executed=True)


def _identifies_rows(index: Index) -> bool:
    """Tell whether an index is what REFRESH … CONCURRENTLY needs: unique, valid, over plain columns of all rows."""
    return (
        index.unique
        and index.valid
        and index.predicate is None
        and bool(index.keys)
        and all(key.column is not None for key in index.keys)
    )

"""CREATE TABLE: what it takes from other tables, and the errors of its columns and constraints.

The columns and constraints are judged as if an empty table of the name existed and got them by ALTER TABLE: the server
puts them through the same functions.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

from postgast import pg_query_pb2 as pg

from sluicegate.catalog.model import Partitioning, Relation, RelationKind, Volatility
from sluicegate.catalog.types import display, same_type, serial_base
from sluicegate.effects.context import Refused
from sluicegate.effects.expressions import Place, read_expression
from sluicegate.effects.index_definition import check_partition_key, check_tablespace
from sluicegate.effects.model import LockMode
from sluicegate.effects.new_names import refuse_taken, target_name
from sluicegate.effects.operator_classes import access_method, default_operator_class, operator_class
from sluicegate.effects.partitions import create_partition
from sluicegate.effects.relation_options import check_options
from sluicegate.statements.nodes import strings, unwrap

if TYPE_CHECKING:
    from sluicegate.catalog.model import SqlType
    from sluicegate.effects.context import Context

_AS, _SUX, _SRX = LockMode.AccessShareLock, LockMode.ShareUpdateExclusiveLock, LockMode.ShareRowExclusiveLock
_PERSISTENCE = {"p": "permanent", "u": "unlogged", "t": "temporary"}
_LIKED = {
    RelationKind.TABLE,
    RelationKind.PARTITIONED,
    RelationKind.VIEW,
    RelationKind.MATERIALIZED_VIEW,
    RelationKind.COMPOSITE,
    RelationKind.FOREIGN,
}
_LIKE_INDEXES = 1 << 6  # CREATE_TABLE_LIKE_INDEXES in PostgreSQL's parsenodes.h
_STRATEGIES = {
    pg.PARTITION_STRATEGY_LIST: "list",
    pg.PARTITION_STRATEGY_RANGE: "range",
    pg.PARTITION_STRATEGY_HASH: "hash",
}


def create_table(context: Context, node: Any, *, server: str = "") -> None:
    """Note the effects of a ``CreateStmt``."""
    name = target_name(context, node.relation)
    if node.if_not_exists and (name in context.catalog.relations or name in context.catalog.indexes):
        return
    if server:
        from sluicegate.effects.objects import require_named

        require_named(context, "server", server)
    parents = _parents(context, node)
    table = Relation(
        name,
        RelationKind.PARTITIONED if node.HasField("partspec") else RelationKind.TABLE,
        persistence=_PERSISTENCE.get(node.relation.relpersistence, "permanent"),
        rows=0,
        created_in=context.catalog.transaction,
    )
    table = _inherit(table, parents)
    if node.HasField("of_typename"):
        table = _of_type(context, table, node)
    _storage(context, node)
    elements = [unwrap(item) for item in (*node.table_elts, *node.constraints)]
    columns = _columns(context, node, table, elements, parents)
    constraints = [item for item in elements if isinstance(item, pg.Constraint)]
    if node.HasField("partspec"):
        _partition_key(context, node, table, columns)
        _check_copied_indexes(context, node, table)
    _judge(context, table, columns, constraints, node)
    if node.HasField("partbound") and parents:
        _check_persistence(table, parents[0])
        create_partition(context, parents[0], node.partbound, name.name)
    refuse_taken(context, name)


def _storage(context: Context, node: Any) -> None:
    check_tablespace(context, node.tablespacename)
    if node.access_method:
        method = access_method(node.access_method, context.catalog, context.version)
        if method is None:
            context.absent("42704", f'access method "{node.access_method}" does not exist')
        if method.kind != "t":
            raise Refused("42809", f'access method "{node.access_method}" is not of type TABLE')
    if node.HasField("partspec") and node.options:
        raise Refused("42809", "cannot specify storage parameters for a partitioned table")
    refusal = check_options(node.options, "table", context.version)
    if refusal is not None:
        raise Refused(refusal.sqlstate, refusal.message)


# -- parents -----------------------------------------------------------------------------------------------------------


def _parents(context: Context, node: Any) -> list[Relation]:
    """Return the tables to inherit from (``MergeAttributes`` in PostgreSQL's tablecmds.c)."""
    partition = node.HasField("partbound")
    parents: list[Relation] = []
    for item in node.inh_relations:
        parent = context.require_relation(item.range_var)
        if parent in parents:
            raise Refused("42P07", f'relation "{parent.name.name}" would be inherited from more than once')
        if partition:
            if parent.kind is not RelationKind.PARTITIONED:
                raise Refused("42P17", f'"{parent.name.name}" is not partitioned')
        else:
            if parent.kind is RelationKind.PARTITIONED:
                raise Refused("42809", f'cannot inherit from partitioned table "{parent.name.name}"')
            if parent.bound is not None:
                raise Refused("42809", f'cannot inherit from partition "{parent.name.name}"')
            if parent.kind not in {RelationKind.TABLE, RelationKind.FOREIGN}:
                raise Refused("42809", f'inherited relation "{parent.name.name}" is not a table or foreign table')
            if parent.persistence == "temporary" and node.relation.relpersistence != "t":
                raise Refused("42809", f'cannot inherit from temporary relation "{parent.name.name}"')
            context.builder.lock(parent, _SUX)
        parents.append(parent)
    return parents


def _check_persistence(table: Relation, parent: Relation) -> None:
    if (table.persistence == "temporary") != (parent.persistence == "temporary"):
        ours, theirs = ("temporary", "permanent") if table.persistence == "temporary" else ("permanent", "temporary")
        raise Refused(
            "42809", f'cannot create a {ours} relation as partition of {theirs} relation "{parent.name.name}"'
        )


def _inherit(table: Relation, parents: list[Relation]) -> Relation:
    columns = dict(table.columns)
    for parent in parents:
        for column in parent.columns.values():
            own = columns.get(column.name)
            if own is not None and not same_type(own.type, column.type):
                raise Refused("42804", f'inherited column "{column.name}" has a type conflict')
            columns.setdefault(column.name, replace(column, default=None, generated=None, identity=None))
    return replace(table, columns=columns)


def _of_type(context: Context, table: Relation, node: Any) -> Relation:
    sql_type = context.require_type(node.of_typename)
    row = context.catalog.relations.get(sql_type.name)
    if row is None or row.kind is not RelationKind.COMPOSITE:
        if row is None:
            raise Refused("42809", f"type {sql_type.name.name} is not a composite type")
        raise Refused("42809", f"type {sql_type.name.name} is the row type of another table")
    context.builder.lock(row, _AS)
    return replace(table, columns=dict(row.columns))


# -- columns -----------------------------------------------------------------------------------------------------------


def _columns(
    context: Context, node: Any, table: Relation, elements: list[Any], parents: list[Relation]
) -> dict[str, Any]:
    """Return the columns in order: a definition, or None for one that LIKE or a parent brings."""
    columns: dict[str, Any] = {}
    for item in elements:
        if isinstance(item, pg.TableLikeClause):
            source = context.require_relation(item.relation)
            if source.kind not in _LIKED:
                raise Refused("42809", f'relation "{source.name.name}" is invalid in LIKE clause')
            context.builder.lock(source, _AS)
            for column in source.columns:
                _add(columns, column, None)
        elif isinstance(item, pg.ColumnDef):
            merged = bool(parents) or node.HasField("of_typename")
            if not item.HasField("type_name") and item.colname not in table.columns:
                raise Refused("42703", f'column "{item.colname}" does not exist')
            if merged and item.colname in table.columns and item.HasField("type_name"):
                own = context.type(item.type_name)
                if own is not None and not same_type(own, table.columns[item.colname].type):
                    raise Refused("42804", f'column "{item.colname}" has a type conflict')
            _add(columns, item.colname, item)
    return columns


def _add(columns: dict[str, Any], name: str, definition: Any) -> None:
    if name in columns:
        raise Refused("42701", f'column "{name}" specified more than once')
    columns[name] = definition


def _judge(context: Context, table: Relation, columns: dict[str, Any], constraints: list[Any], node: Any) -> None:
    """Put columns and constraints through ALTER TABLE's functions, over a catalog that has the bare table."""
    from sluicegate.effects.alter_table import run
    from sluicegate.effects.alteration import Alteration, Command

    bare = replace(table, columns=_borrowed(context, table, node))
    catalog = context.catalog.with_relation(replace(bare, kind=RelationKind.TABLE))
    probe = type(context).of(context.statement, catalog, context.session, context.version)
    alteration = Alteration(probe, catalog.relations[table.name], LockMode.AccessExclusiveLock, recurse=True)
    added = [item for name, item in columns.items() if item is not None and name not in bare.columns]
    # A generated column may use those that come after it.
    added.sort(key=lambda item: any(unwrap(one).contype == pg.CONSTR_GENERATED for one in item.constraints))
    commands = [command for item in added for command in _adding(item)]
    for name, item in columns.items():
        if item is not None and name in bare.columns:
            commands += _merged_constraints(item)
    commands += [_constraining(item) for item in constraints]
    if node.HasField("partspec"):
        probe_catalog = catalog.with_relation(replace(bare, kind=RelationKind.PARTITIONED, partitioning=_spec(node)))
        alteration = Alteration(
            probe.with_catalog(probe_catalog),
            probe_catalog.relations[table.name],
            LockMode.AccessExclusiveLock,
            recurse=True,
        )
    run(alteration, [Command(command, table.name) for command in commands])
    for phrase in probe.builder.unknowns:
        context.builder.unknown(phrase)
    for name, mode in probe.builder.locks.items():
        # Its foreign keys' triggers on other tables; anything else is about the table itself.
        if mode is _SRX and name != str(table.name):
            context.builder.lock(name, mode)


def _borrowed(context: Context, table: Relation, node: Any) -> dict[str, Any]:
    """Return the columns that the table has before its own are added: its parents' and those of LIKE."""
    found = dict(table.columns)
    for item in node.table_elts:
        inner = unwrap(item)
        if isinstance(inner, pg.TableLikeClause):
            source = context.relation(inner.relation)
            for column in source.columns.values() if source is not None else ():
                found[column.name] = replace(column, default=None, generated=None, identity=None, not_null=False)
    return found


def _adding(definition: Any) -> list[Any]:
    """Return the ALTER TABLE actions that judge a column; unlike ADD COLUMN, nothing computes its default yet."""
    command = pg.AlterTableCmd(subtype=pg.AT_AddColumn)
    column = getattr(command, "def").column_def
    column.CopyFrom(definition)
    kinds = [item.constraint.contype for item in column.constraints]
    if kinds.count(pg.CONSTR_DEFAULT) != 1 or {pg.CONSTR_IDENTITY, pg.CONSTR_GENERATED} & set(kinds):
        return [command]
    if serial_base(column.type_name) is not None:
        return [command]
    place = kinds.index(pg.CONSTR_DEFAULT)
    default = pg.AlterTableCmd(subtype=pg.AT_ColumnDefault, name=column.colname)
    getattr(default, "def").CopyFrom(column.constraints[place].constraint.raw_expr)
    del column.constraints[place]
    return [command, default]


def _constraining(constraint: Any) -> Any:
    command = pg.AlterTableCmd(subtype=pg.AT_AddConstraint)
    getattr(command, "def").constraint.CopyFrom(constraint)
    if constraint.contype == pg.CONSTR_FOREIGN:
        getattr(command, "def").constraint.skip_validation = True
        getattr(command, "def").constraint.initially_valid = constraint.is_enforced
    return command


def _merged_constraints(definition: Any) -> list[Any]:
    """Return the constraints written with a column that a parent or a type brings, as table constraints."""
    commands = []
    for item in definition.constraints:
        constraint = pg.Constraint()
        constraint.CopyFrom(unwrap(item))
        if constraint.contype in {pg.CONSTR_UNIQUE, pg.CONSTR_PRIMARY}:
            constraint.keys.add().string.sval = definition.colname
        elif constraint.contype == pg.CONSTR_FOREIGN:
            constraint.fk_attrs.add().string.sval = definition.colname
        elif constraint.contype != pg.CONSTR_CHECK:
            continue
        commands.append(_constraining(constraint))
    return commands


# -- PARTITION BY ------------------------------------------------------------------------------------------------------


def _spec(node: Any) -> Partitioning:
    strategy = _STRATEGIES.get(node.partspec.strategy, "range")
    return Partitioning(strategy, tuple(item.partition_elem.name or None for item in node.partspec.part_params))


def _partition_key(context: Context, node: Any, table: Relation, columns: dict[str, Any]) -> None:
    """Refuse what ``ComputePartitionAttrs`` in PostgreSQL's tablecmds.c does."""
    spec = node.partspec
    if spec.strategy == pg.PARTITION_STRATEGY_LIST and len(spec.part_params) > 1:
        raise Refused("42P17", 'cannot use "list" partition strategy with more than one column')
    types = _types(context, table, columns, node)
    for item in spec.part_params:
        element = item.partition_elem
        if element.name:
            if element.name not in types:
                context.absent("42703", f'column "{element.name}" named in partition key does not exist')
            sql_type = types[element.name]
            made = columns.get(element.name)
            if made is not None and any(item.constraint.contype == pg.CONSTR_GENERATED for item in made.constraints):
                raise Refused("42P17", "cannot use generated column in partition key")
        else:
            facts = read_expression(context, element.expr, Place.PARTITION_KEY, columns=types)
            if facts.refusal is not None:
                raise Refused(facts.refusal.sqlstate, facts.refusal.message)
            if facts.volatility not in {None, Volatility.IMMUTABLE}:
                raise Refused("42P17", "functions in partition key expression must be marked IMMUTABLE")
            sql_type = facts.type
        method = "hash" if spec.strategy == pg.PARTITION_STRATEGY_HASH else "btree"
        if element.opclass:
            _require_class(context, method, strings(element.opclass)[-1])
            continue
        if sql_type is None:
            continue
        if default_operator_class(method, sql_type, context.catalog, context.version) is None:
            raise Refused(
                "42704", f'data type {display(sql_type)} has no default operator class for access method "{method}"'
            )


def _check_copied_indexes(context: Context, node: Any, table: Relation) -> None:
    """Refuse unique indexes that LIKE would copy to a partitioned table without its key."""
    partitioned = replace(table, kind=RelationKind.PARTITIONED, partitioning=_spec(node))
    for item in node.table_elts:
        inner = unwrap(item)
        if not isinstance(inner, pg.TableLikeClause) or not inner.options & _LIKE_INDEXES:
            continue
        source = context.relation(inner.relation)
        for index in context.catalog.indexes_of(source.name) if source is not None else ():
            if index.unique:
                check_partition_key(partitioned, [key.column for key in index.keys])


def _require_class(context: Context, method: str, name: str) -> None:
    if not operator_class(method, name, context.catalog, context.version):
        context.absent("42704", f'operator class "{name}" does not exist for access method "{method}"')


def _types(context: Context, table: Relation, columns: dict[str, Any], node: Any) -> dict[str, SqlType | None]:
    types: dict[str, SqlType | None] = {name: column.type for name, column in _borrowed(context, table, node).items()}
    for name, item in columns.items():
        if item is not None and item.HasField("type_name"):
            types[name] = serial_base(item.type_name) or context.type(item.type_name)
    return types

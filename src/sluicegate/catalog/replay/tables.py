"""CREATE TABLE in all its forms, and the columns it is made of."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

from postgast import pg_query_pb2 as pg

from sluicegate.catalog.model import (
    Column,
    Constraint,
    ConstraintKind,
    Expression,
    Generated,
    Name,
    Partitioning,
    Relation,
    RelationKind,
    SqlType,
)
from sluicegate.catalog.naming import choose, clip
from sluicegate.catalog.replay.constraints import Waiting, set_not_null, with_attributes
from sluicegate.catalog.replay.indexes import clone_index, find_collation
from sluicegate.catalog.replay.sequences import PERSISTENCE, create_owned_sequence, nextval
from sluicegate.catalog.types import builtin_type, serial_base
from sluicegate.statements.nodes import deparse, option_texts, options, unwrap

if TYPE_CHECKING:
    from sluicegate.catalog.replay.draft import Draft


def create_table(draft: Draft, node: Any, *, kind: RelationKind = RelationKind.TABLE) -> None:
    """Replay CREATE TABLE (and CREATE FOREIGN TABLE)."""
    name = draft.new_name(node.relation)
    name = Name(name.schema, clip(name.name))
    if node.if_not_exists and (name in draft.catalog.relations or name in draft.catalog.indexes):
        return
    parents = [found for item in node.inh_relations if (found := draft.relation(item.range_var)) is not None]
    partition = node.HasField("partbound")
    if node.HasField("partspec"):
        kind = RelationKind.PARTITIONED
    draft.put(
        Relation(
            name,
            kind,
            persistence=PERSISTENCE.get(node.relation.relpersistence, "permanent"),
            parents=tuple(parent.name for parent in parents),
            bound=bound_text(node.partbound) if partition else None,
            bound_node=node.partbound if partition else None,
            access_method=node.access_method or None,
            tablespace=node.tablespacename or None,
            options=option_texts(node.options),
            rows=0 if kind is RelationKind.TABLE else None,
            created_in=draft.catalog.transaction,
        )
    )
    for parent in parents:
        inherit_columns(draft, name, parent, local=False)
    if node.HasField("of_typename"):
        _columns_of_type(draft, name, node.of_typename)
    waiting = Waiting()
    likes: list[tuple[Relation, int]] = []
    for element in node.table_elts:
        item = unwrap(element)
        if isinstance(item, pg.ColumnDef):
            add_column_definition(draft, name, item, waiting)
        elif isinstance(item, pg.TableLikeClause):
            source = draft.relation(item.relation)
            if source is not None:
                _copy_columns(draft, name, source, item.options)
                likes.append((source, item.options))
        elif isinstance(item, pg.Constraint):
            waiting.add(item, None)
    # Constraints of a CREATE TABLE stand apart in parse trees that were analysed; raw ones keep them in table_elts.
    for element in node.constraints:
        waiting.add(unwrap(element), None)
    if node.HasField("partspec"):
        draft.alter(name, partitioning=partitioning(node.partspec))
    for parent in parents:
        _inherit_checks(draft, name, parent)
    waiting.apply(draft, name, new_table=True)
    for source, wanted in likes:
        _copy_constraints_and_indexes(draft, name, source, wanted)
    if partition and parents:
        adopt_partition(draft, name, parents[0])


def add_column_definition(draft: Draft, table: Name, node: Any, waiting: Waiting, *, inherited: bool = False) -> None:
    """Add a column as written, and gather its constraints; a column that the table has already is merged."""
    name = clip(node.colname)
    existing = draft.catalog.relations[table].columns.get(name)
    column = existing or Column(name, SqlType(Name("pg_catalog", "unknown")))
    serial = serial_base(node.type_name) if node.HasField("type_name") and existing is None else None
    if node.HasField("type_name"):
        column = replace(column, type=serial or draft.type(node.type_name))
    column = replace(
        column,
        local=_is_local(node, existing, inherited=inherited),
        inherited=column.inherited + inherited,
        collation=find_collation(node.coll_clause.collname) if node.HasField("coll_clause") else column.collation,
        storage=(node.storage_name or "").lower() or column.storage,
        compression=(node.compression or "").lower() or column.compression,
    )
    draft.put_column(table, column)
    if serial is not None:
        sequence = create_owned_sequence(draft, table, name, serial)
        default = nextval(sequence)
        draft.alter_column(table, name, default=default)
        waiting.add(pg.Constraint(contype=pg.CONSTR_NOTNULL, is_enforced=True), name)
    for constraint in with_attributes(node.constraints):
        _column_constraint(draft, table, name, constraint, waiting)


def _is_local(node: Any, existing: Column | None, *, inherited: bool) -> bool:
    if existing is None:
        return not inherited
    # A definition without a type only adds to the column that a partition or typed table has already.
    return existing.local if inherited or not node.HasField("type_name") else True


def _column_constraint(draft: Draft, table: Name, name: str, node: Any, waiting: Waiting) -> None:
    match node.contype:
        case pg.CONSTR_DEFAULT:
            draft.alter_column(table, name, default=default_expression(draft, node.raw_expr))
        case pg.CONSTR_GENERATED:
            kind = Generated.VIRTUAL if node.generated_kind == "v" else Generated.STORED
            draft.alter_column(table, name, default=draft.expression(node.raw_expr), generated=kind)
        case pg.CONSTR_IDENTITY:
            add_identity(draft, table, name, node.generated_when, node.options, not_null=False)
            waiting.add(pg.Constraint(contype=pg.CONSTR_NOTNULL, is_enforced=True), name)
        case _:
            waiting.add(node, name)


def default_expression(draft: Draft, node: Any) -> Expression | None:
    """Return a default as the catalogs keep it: a bare NULL is no default."""
    inner = unwrap(node)
    if isinstance(inner, pg.A_Const) and inner.isnull:
        return None
    return draft.expression(node)


def add_identity(
    draft: Draft,
    table: Name,
    column: str,
    when: str,
    definitions: Any,
    *,
    sequence_type: SqlType | None = None,
    not_null: bool = True,
) -> None:
    """Make a column an identity column with a sequence of its own; it is NOT NULL, unless the caller sees to that."""
    relation = draft.catalog.relations[table]
    found = relation.columns.get(column)
    if found is None:
        return
    given = options(definitions).get("sequence_name")
    sequence = Name(*str(given).rsplit(".", 1)) if given and "." in str(given) else None
    create_owned_sequence(draft, table, column, sequence_type or found.type, name=sequence)
    draft.alter_column(table, column, identity="always" if when == "a" else "by default")
    if not_null:
        set_not_null(draft, table, column)
    for child in draft.catalog.children_of(table):
        if draft.catalog.version >= 17 and child.bound is not None and column in child.columns:
            draft.alter_column(child.name, column, identity="always" if when == "a" else "by default")


def inherit_columns(draft: Draft, table: Name, parent: Relation, *, local: bool) -> None:
    """Give a child its parent's columns, merging those it has."""
    for column in parent.columns.values():
        own = draft.catalog.relations[table].columns.get(column.name)
        is_partition = draft.catalog.relations[table].bound is not None
        identity = column.identity if is_partition and draft.catalog.version >= 17 else None
        if own is not None:
            merged = replace(own, inherited=own.inherited + 1, not_null=own.not_null or column.not_null)
        else:
            merged = replace(column, local=local, inherited=1, not_null=False, identity=identity)
        draft.put_column(table, merged)
        if column.not_null:
            _inherit_not_null(draft, table, parent, column)


def _inherit_not_null(draft: Draft, table: Name, parent: Relation, column: Column) -> None:
    draft.alter_column(table, column.name, not_null=True, not_null_validated=column.not_null_validated)
    for constraint in parent.constraints.values():
        if constraint.kind is ConstraintKind.NOT_NULL and constraint.columns == (column.name,):
            if constraint.no_inherit:
                draft.alter_column(table, column.name, not_null=False)
                continue
            own = next(
                (
                    found
                    for found in draft.catalog.relations[table].constraints.values()
                    if found.kind is ConstraintKind.NOT_NULL and found.columns == (column.name,)
                ),
                None,
            )
            if own is not None:
                draft.put_constraint(table, replace(own, inherited=own.inherited + 1))
            else:
                draft.put_constraint(table, replace(constraint, local=False, inherited=1))


def _inherit_checks(draft: Draft, table: Name, parent: Relation) -> None:
    for constraint in parent.constraints.values():
        if constraint.kind is ConstraintKind.CHECK and not constraint.no_inherit:
            own = draft.catalog.relations[table].constraints.get(constraint.name)
            if own is None:
                draft.put_constraint(
                    table, replace(constraint, local=False, inherited=1, validated=constraint.enforced)
                )
            else:
                draft.put_constraint(table, replace(own, inherited=own.inherited + 1))


def adopt_partition(draft: Draft, table: Name, parent: Relation) -> None:
    """Give a partition what its parent has: indexes, foreign keys and row triggers."""
    for index in draft.catalog.indexes_of(parent.name):
        clone_index(draft, index, draft.catalog.relations[table])
    for constraint in parent.constraints.values():
        if constraint.kind is ConstraintKind.FOREIGN_KEY:
            _adopt_foreign_key(draft, table, constraint)
    child = draft.catalog.relations[table]
    triggers = {
        **{trigger.name: trigger for trigger in parent.triggers.values() if trigger.for_each_row},
        **child.triggers,
    }
    draft.alter(table, triggers=triggers)


def _adopt_foreign_key(draft: Draft, table: Name, constraint: Constraint) -> None:
    child = draft.catalog.relations[table]
    for own in child.constraints.values():
        if (
            own.kind is ConstraintKind.FOREIGN_KEY
            and own.inherited == 0
            and (own.columns, own.references, own.referenced_columns)
            == (constraint.columns, constraint.references, constraint.referenced_columns)
            and (own.on_delete, own.on_update) == (constraint.on_delete, constraint.on_update)
        ):
            draft.put_constraint(table, replace(own, local=False, inherited=1))
            return
    name = constraint.name
    if name in child.constraints:
        from sluicegate.catalog.naming import joined_columns

        name = choose(table.name, joined_columns(constraint.columns), "fkey", draft.constraint_name_taken(table.schema))
    draft.put_constraint(table, replace(constraint, name=name, local=False, inherited=1))


def bound_text(bound: Any) -> str:
    """Return a partition's bound as SQL."""
    if bound.is_default:
        return "DEFAULT"
    statement = pg.CreateStmt(oncommit=pg.ONCOMMIT_NOOP)
    statement.relation.relname = "t"
    statement.relation.relpersistence = "p"
    statement.relation.inh = True
    statement.inh_relations.add().range_var.CopyFrom(statement.relation)
    statement.partbound.CopyFrom(bound)
    text = deparse(statement)
    return text[text.index("FOR VALUES") :] if "FOR VALUES" in text else text


_STRATEGIES = {
    pg.PARTITION_STRATEGY_LIST: "list",
    pg.PARTITION_STRATEGY_RANGE: "range",
    pg.PARTITION_STRATEGY_HASH: "hash",
}


def partitioning(spec: Any) -> Partitioning:
    """Return how a table is partitioned."""
    columns: list[str | None] = []
    expressions: list[Expression] = []
    for item in spec.part_params:
        element = item.partition_elem
        columns.append(element.name or None)
        if element.HasField("expr"):
            expressions.append(Expression(deparse(element.expr), element.expr))
    return Partitioning(_STRATEGIES.get(spec.strategy, "range"), tuple(columns), tuple(expressions))


def _columns_of_type(draft: Draft, table: Name, type_name: Any) -> None:
    found = draft.find_type(type_name)
    source = draft.catalog.relations.get(found.name) if found is not None else None
    if source is None:
        return
    draft.alter(table, of_type=source.name)
    for column in source.columns.values():
        draft.put_column(table, Column(column.name, column.type, collation=column.collation))


# -- LIKE ----------------------------------------------------------------------------------------------------------

# CREATE_TABLE_LIKE_* in PostgreSQL's parsenodes.h
_LIKE_COMPRESSION, _LIKE_CONSTRAINTS, _LIKE_DEFAULTS, _LIKE_GENERATED = 1 << 1, 1 << 2, 1 << 3, 1 << 4
_LIKE_IDENTITY, _LIKE_INDEXES, _LIKE_STATISTICS, _LIKE_STORAGE = 1 << 5, 1 << 6, 1 << 7, 1 << 8


def _copy_columns(draft: Draft, table: Name, source: Relation, wanted: int) -> None:
    for column in source.columns.values():
        copy = Column(column.name, column.type, collation=column.collation)
        if column.default is not None:
            if column.generated is not None:
                if wanted & _LIKE_GENERATED:
                    copy = replace(copy, default=column.default, generated=column.generated)
            elif wanted & _LIKE_DEFAULTS:
                copy = replace(copy, default=column.default)
        if wanted & _LIKE_STORAGE:
            copy = replace(copy, storage=column.storage)
        if wanted & _LIKE_COMPRESSION:
            copy = replace(copy, compression=column.compression)
        draft.put_column(table, copy)
        if column.not_null:
            set_not_null(draft, table, column.name, node=_named_not_null(source, column.name))
        if wanted & _LIKE_IDENTITY and column.identity is not None:
            when = "a" if column.identity == "always" else "d"
            add_identity(draft, table, column.name, when, (), sequence_type=builtin_type("int8"))


def _named_not_null(source: Relation, column: str) -> Any:
    for constraint in source.constraints.values():
        if constraint.kind is ConstraintKind.NOT_NULL and constraint.columns == (column,):
            return pg.Constraint(contype=pg.CONSTR_NOTNULL, conname=constraint.name, is_enforced=True)
    return None


def _copy_constraints_and_indexes(draft: Draft, table: Name, source: Relation, wanted: int) -> None:
    if wanted & _LIKE_CONSTRAINTS:
        for constraint in source.constraints.values():
            if constraint.kind is ConstraintKind.CHECK:
                draft.put_constraint(table, replace(constraint, local=True, inherited=0, validated=constraint.enforced))
    if wanted & _LIKE_INDEXES:
        for index in draft.catalog.indexes_of(source.name):
            _copy_index(draft, table, index)


def _copy_index(draft: Draft, table: Name, index: Any) -> None:
    # The same as a partition's copy, but nobody's child.
    clone_index(draft, index, draft.catalog.relations[table], adopt=False)
    copy = draft.catalog.indexes_of(table)[-1]
    draft.put_index(replace(copy, parent=None, clustered=False, replica_identity=False))
    if copy.constraint is not None:
        own = draft.catalog.relations[table].constraints[copy.constraint]
        draft.put_constraint(table, replace(own, local=True, inherited=0))
        if own.kind is ConstraintKind.PRIMARY_KEY:
            for column in own.columns:
                set_not_null(draft, table, column)

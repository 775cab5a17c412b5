"""PRIMARY KEY, UNIQUE and EXCLUDE constraints added to tables that exist: the index they build or take over."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from postgast import pg_query_pb2 as pg

from sluicegate.catalog.builtins import builtins
from sluicegate.catalog.model import ConstraintKind, Generated, Name, Relation, RelationKind, SqlType
from sluicegate.catalog.naming import clip
from sluicegate.catalog.overloads import Ambiguous, choose_operator, find_operators
from sluicegate.catalog.type_facts import type_facts
from sluicegate.catalog.types import base_type, display, key_of
from sluicegate.effects.alteration import SYSTEM_COLUMNS
from sluicegate.effects.index_definition import check_definition, check_partition_key
from sluicegate.effects.model import LockMode
from sluicegate.effects.not_null import not_null_constraint, require_not_null
from sluicegate.effects.operator_classes import access_method, default_operator_class, operator_class
from sluicegate.effects.vector_indexes import check_row_size
from sluicegate.statements.nodes import strings, unwrap

if TYPE_CHECKING:
    from collections.abc import Iterable

    from sluicegate.catalog.model import Index
    from sluicegate.effects.alteration import Alteration
    from sluicegate.effects.index_definition import Key

_WORDS = {
    pg.CONSTR_PRIMARY: "primary key",
    pg.CONSTR_UNIQUE: "unique",
    pg.CONSTR_EXCLUSION: "exclusion",
}


def add_key(alteration: Alteration, table: Name, node: Any) -> None:
    """Add a key whose columns stand in the ``Constraint``'s ``keys``, ``exclusions`` or ``indexname``."""
    relation = alteration.relation(table)
    if node.contype == pg.CONSTR_PRIMARY:
        _refuse_unchecked(alteration, table, strings(node.keys))
    if node.indexname:
        _take_over(alteration, relation, node)
    else:
        _build(alteration, relation, node)
    _apply(alteration, table, node)


def _refuse_unchecked(alteration: Alteration, table: Name, columns: Iterable[str]) -> None:
    """Refuse a primary key over a column whose NOT NULL is not validated, before anything else is looked at."""
    for column in columns:
        constraint = not_null_constraint(alteration, table, column)
        if constraint is not None and not constraint.validated:
            alteration.refuse("55000", f'cannot create primary key on column "{column}"')


def _apply(alteration: Alteration, table: Name, node: Any) -> None:
    command = pg.AlterTableCmd(subtype=pg.AT_AddConstraint)
    getattr(command, "def").constraint.CopyFrom(node)
    alteration.apply(table, command, recurse=alteration.recurse)


def _refuse_second_primary_key(alteration: Alteration, relation: Relation, node: Any) -> None:
    kinds = {constraint.kind for constraint in relation.constraints.values()}
    if node.contype == pg.CONSTR_PRIMARY and ConstraintKind.PRIMARY_KEY in kinds:
        alteration.refuse("42P16", f'multiple primary keys for table "{relation.name.name}" are not allowed')


# -- a new index -----------------------------------------------------------------------------------------------------


def _build(alteration: Alteration, relation: Relation, node: Any) -> None:
    table = relation.name
    statement = index_statement(node)
    columns = tuple(item.index_elem.name for item in statement.index_params if item.index_elem.name)
    _require_key_columns(alteration, relation, node, columns)
    _refuse_second_primary_key(alteration, relation, node)
    _refuse_virtual(alteration, relation, node, columns)
    if node.contype == pg.CONSTR_EXCLUSION:
        _refuse_exclusion(alteration, relation, statement)
    keys = check_definition(alteration.now, relation, statement)
    if node.contype == pg.CONSTR_PRIMARY:
        _make_not_null(alteration, relation, columns)
    if node.contype == pg.CONSTR_EXCLUSION:
        for key, item in zip(keys, node.exclusions, strict=True):
            _require_operator(alteration, statement.access_method, key, strings(unwrap(item).items[1].list.items)[-1])
        if relation.kind is RelationKind.PARTITIONED:
            check_partition_key(relation, list(columns), "unique")
    if node.conname:
        refuse_taken_name(alteration, relation, clip(node.conname))
    if statement.access_method == "btree":
        check_row_size(alteration.now, relation, clip(node.conname) or table.name, [key.type for key in keys])
    for leaf in _storage(alteration, table):
        alteration.work(leaf).build.append(f"the {_WORDS[node.contype]} constraint needs an index")
    if node.contype == pg.CONSTR_EXCLUSION:
        alteration.depends(f"fails if rows of {table} exclude each other")
    else:
        alteration.depends(f"fails if rows of {table} repeat a value of {', '.join(columns)}")


def index_statement(node: Any) -> Any:
    """Return the CREATE INDEX that a key constraint stands for (``transformIndexConstraint``)."""
    statement = pg.IndexStmt(
        access_method=node.access_method or ("gist" if node.without_overlaps else "btree"),
        unique=node.contype != pg.CONSTR_EXCLUSION,
        primary=node.contype == pg.CONSTR_PRIMARY,
        isconstraint=True,
        table_space=node.indexspace,
    )
    statement.options.extend(node.options)
    if node.without_overlaps:
        # GiST has no unique indexes; the server builds this one as an exclusion.
        statement.unique = False
    for item in node.exclusions:
        statement.index_params.add().index_elem.CopyFrom(unwrap(unwrap(item).items[0]))
    for column in strings(node.keys):
        statement.index_params.add().index_elem.name = column
    for column in strings(node.including):
        statement.index_including_params.add().index_elem.name = column
    if node.HasField("where_clause"):
        statement.where_clause.CopyFrom(node.where_clause)
    return statement


def _storage(alteration: Alteration, table: Name) -> list[Name]:
    """Return the tables that get an index file, and note the locks on partitions."""
    relation = alteration.relation(table)
    if relation.kind is not RelationKind.PARTITIONED:
        return [table]
    if not alteration.recurse:
        return []
    for member in alteration.draft.catalog.descendants_of(table):
        alteration.builder.lock(member, LockMode.ShareLock)
    return list(alteration.leaves(table))


def _require_key_columns(alteration: Alteration, relation: Relation, node: Any, columns: tuple[str, ...]) -> None:
    primary = node.contype == pg.CONSTR_PRIMARY
    name = relation.name.name
    seen: set[str] = set()
    for column in columns:
        if column not in relation.columns and column not in SYSTEM_COLUMNS:
            if primary:
                alteration.context.absent("42703", f'column "{column}" of relation "{name}" does not exist')
            alteration.context.absent("42703", f'column "{column}" named in key does not exist')
        if column in seen and node.contype != pg.CONSTR_EXCLUSION:
            words = "primary key constraint" if primary else "unique constraint"
            alteration.refuse("42701", f'column "{column}" appears twice in {words}')
        seen.add(column)
    for column in strings(node.including):
        if column not in relation.columns:
            alteration.context.absent("42703", f'column "{column}" named in key does not exist')
    if node.without_overlaps:
        _require_range(alteration, relation, columns)


def _refuse_virtual(alteration: Alteration, relation: Relation, node: Any, columns: tuple[str, ...]) -> None:
    for column in columns:
        if column in relation.columns and relation.columns[column].generated is Generated.VIRTUAL:
            words = "primary keys" if node.contype == pg.CONSTR_PRIMARY else "unique constraints"
            alteration.refuse("0A000", f"{words} on virtual generated columns are not supported")


def _require_range(alteration: Alteration, relation: Relation, columns: tuple[str, ...]) -> None:
    if len(columns) < 2:
        alteration.refuse("42601", "constraint using WITHOUT OVERLAPS needs at least two columns")
    last = columns[-1]
    if type_facts(relation.columns[last].type, alteration.draft.catalog).category != "R":
        alteration.refuse("42804", f'column "{last}" in WITHOUT OVERLAPS is not a range or multirange type')


def _make_not_null(alteration: Alteration, relation: Relation, columns: tuple[str, ...]) -> None:
    """Note what making a primary key's columns NOT NULL takes, here and below."""
    table = relation.name
    for column in columns:
        if column not in relation.columns:
            continue
        _refuse_unchecked(alteration, table, (column,))
        if relation.columns[column].not_null:
            if alteration.version < 18 and alteration.recurse and relation.kind is not RelationKind.PARTITIONED:
                for member in alteration.family(table):
                    alteration.lock_table(member)
            continue
        _refuse_only(alteration, relation, column)
        for member in alteration.family(table) if alteration.recurse else (table,):
            require_not_null(alteration, member, column)


def _refuse_only(alteration: Alteration, relation: Relation, column: str) -> None:
    if alteration.recurse:
        return
    for child in alteration.children(relation.name):
        if child.columns[column].not_null:
            continue
        if alteration.version >= 18:
            alteration.refuse("XX000", f'column "{column}" of table "{child.name.name}" is not marked NOT NULL')
        if relation.kind is RelationKind.PARTITIONED:
            alteration.refuse("42P16", "constraint must be added to child tables too")


def refuse_taken_name(alteration: Alteration, relation: Relation, name: str) -> None:
    """Refuse an index's name that a relation or index has (42P07), or a constraint of the table (42710)."""
    catalog, full = alteration.draft.catalog, Name(relation.name.schema, name)
    if full in catalog.relations or full in catalog.indexes:
        alteration.refuse("42P07", f'relation "{name}" already exists')
    if name in relation.constraints:
        alteration.refuse("42710", f'constraint "{name}" for relation "{relation.name.name}" already exists')


# -- EXCLUDE ---------------------------------------------------------------------------------------------------------


def _refuse_exclusion(alteration: Alteration, relation: Relation, statement: Any) -> None:
    method = access_method(statement.access_method, alteration.draft.catalog, alteration.version)
    if method is not None and not method.excludes:
        alteration.refuse("0A000", f'access method "{method.name}" does not support exclusion constraints')
    if relation.kind is RelationKind.PARTITIONED and alteration.version < 17:
        alteration.refuse("0A000", "exclusion constraints are not supported on partitioned tables")


def _require_operator(alteration: Alteration, method: str, key: Key, operator: str) -> None:
    if key.type is None or key.operator_class is None:
        return
    catalog, version = alteration.draft.catalog, alteration.version
    chosen = next(
        found for found in operator_class(method, key.operator_class, catalog, version) if found.input == key.input
    )
    below = key_of(base_type(key.type, catalog), catalog)
    shown = f"{operator}({chosen.input.lstrip('@')},{chosen.input.lstrip('@')})"
    member = any(
        found.purpose == "s"
        for found in builtins(version).family_operators
        if (found.method, found.family, found.operator) == (method, chosen.family, operator)
        and found.left in {chosen.input, below}
    )
    if not member and _no_operator(alteration, key.type, operator):
        shown_type = display(SqlType(key.type.name, array=key.type.array))
        alteration.refuse("42883", f"operator does not exist: {shown_type} {operator} {shown_type}")
    if not member:
        alteration.refuse("42809", f'operator {shown} is not a member of operator family "{chosen.family}"')
    if operator not in _COMMUTATIVE:
        alteration.refuse("42809", f"operator {shown} is not commutative")


def _no_operator(alteration: Alteration, sql_type: SqlType, operator: str) -> bool:
    catalog, version = alteration.draft.catalog, alteration.version
    try:
        return choose_operator(find_operators(operator, catalog, version), [sql_type] * 2, catalog, version) is None
    except Ambiguous:
        return False


# Operators that are their own commutator among the search operators of built-in classes (PostgreSQL 18, pg_operator).
_COMMUTATIVE = frozenset({"=", "<>", "&&", "-|-", "~=", "?#", "?||", "?-|"})


# -- USING INDEX -----------------------------------------------------------------------------------------------------


def _take_over(alteration: Alteration, relation: Relation, node: Any) -> None:
    """Make an existing unique index back the constraint (``transformIndexConstraint`` in parse_utilcmd.c)."""
    index = alteration.draft.catalog.indexes.get(Name(relation.name.schema, node.indexname))
    if index is None:
        alteration.context.absent("42704", f'index "{node.indexname}" does not exist')
    _refuse_unfit(alteration, relation, index, node)
    if relation.kind is RelationKind.PARTITIONED:
        alteration.refuse("0A000", "ALTER TABLE / ADD CONSTRAINT USING INDEX is not supported on partitioned tables")
    _refuse_second_primary_key(alteration, relation, node)
    name = clip(node.conname) or index.name.name
    renamed = name != index.name.name
    if renamed:
        refuse_taken_name(alteration, relation, name)
    if name in relation.constraints:
        unique = "pg_constraint_conrelid_contypid_conname_index"
        alteration.refuse("23505", f'duplicate key value violates unique constraint "{unique}"')
    alteration.builder.lock(index, LockMode.ShareUpdateExclusiveLock if renamed else LockMode.AccessShareLock)
    if node.contype != pg.CONSTR_PRIMARY:
        return
    for key in index.keys:
        column = key.column or ""
        constraint = not_null_constraint(alteration, relation.name, column)
        if constraint is not None and not constraint.validated:
            alteration.refuse(
                "55000", f'incompatible NOT VALID constraint "{constraint.name}" on relation "{relation.name.name}"'
            )
        if not relation.columns[column].not_null:
            for member in alteration.family(relation.name) if alteration.recurse else (relation.name,):
                require_not_null(alteration, member, column)


def _refuse_unfit(alteration: Alteration, relation: Relation, index: Index, node: Any) -> None:
    name = index.name.name
    if index.constraint is not None:
        alteration.refuse("55000", f'index "{name}" is already associated with a constraint')
    if index.table != relation.name:
        alteration.refuse("55000", f'index "{name}" does not belong to table "{relation.name.name}"')
    if not index.valid:
        alteration.refuse("55000", f'index "{name}" is not valid')
    if not index.unique:
        alteration.refuse("42809", f'"{name}" is not a unique index')
    if any(key.expression is not None for key in index.keys):
        alteration.refuse("42809", f'index "{name}" contains expressions')
    if index.predicate is not None:
        alteration.refuse("42809", f'"{name}" is a partial index')
    if index.nulls_not_distinct and node.contype == pg.CONSTR_PRIMARY:
        alteration.refuse("42P16", "primary keys cannot use NULLS NOT DISTINCT indexes")
    for position, key in enumerate(index.keys, 1):
        column = relation.columns[key.column or ""]
        default = default_operator_class(index.method, column.type, alteration.draft.catalog, alteration.version)
        named = key.operator_class is not None and (default is None or key.operator_class != default.name)
        collated = key.collation is not None and key.collation != column.collation
        if key.descending or key.nulls_first or named or collated:
            alteration.refuse(
                "42809", f'index "{name}" column number {position} does not have default sorting behavior'
            )

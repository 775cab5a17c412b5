"""What a type change rebuilds: indexes with or without a new file, checks and foreign keys with or without a scan.

Source: ``ATPostAlterTypeCleanup``, ``TryReuseIndex`` and ``TryReuseForeignKey`` in PostgreSQL's tablecmds.c,
``CheckIndexCompatible`` in indexcmds.c.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from postgast import pg_query_pb2 as pg

from sluicegate.catalog.columns_used import expression_columns, index_columns
from sluicegate.catalog.model import ConstraintKind, RelationKind
from sluicegate.catalog.types import builtin_type
from sluicegate.effects.foreign_keys import require_comparable, unique_index_on
from sluicegate.effects.index_definition import check_definition
from sluicegate.effects.kept_expressions import kept
from sluicegate.effects.key_equality import key_class, key_equality
from sluicegate.effects.model import LockMode
from sluicegate.effects.operator_classes import default_operator_class
from sluicegate.effects.table_expressions import read_check
from sluicegate.effects.vector_indexes import check_build, check_row_size

if TYPE_CHECKING:
    from sluicegate.catalog.model import Catalog, Constraint, Index, IndexKey, Name, Relation
    from sluicegate.effects.alteration import Alteration
    from sluicegate.effects.index_definition import Key

_AX = LockMode.AccessExclusiveLock
_POLYMORPHIC = frozenset({"anyarray", "anyenum", "anyrange", "anymultirange", "anyelement", "record"})


def rebuild(alteration: Alteration) -> None:
    """Note what the type changes of a statement rebuild, once all of them are made."""
    retyped = {name: frozenset(work.retyped) for name, work in alteration.tables.items() if work.retyped}
    for table, columns in retyped.items():
        _checks(alteration, table, columns)
        for index in alteration.draft.catalog.indexes_of(table):
            if index_columns(index, alteration.relation(table).columns) & columns:
                _index(alteration, table, index)
    _foreign_keys(alteration, retyped)


def _checks(alteration: Alteration, table: Name, columns: frozenset[str]) -> None:
    relation = alteration.relation(table)
    for constraint in relation.constraints.values():
        if constraint.kind is not ConstraintKind.CHECK or constraint.expression is None:
            continue
        if not columns & set(expression_columns(constraint.expression, relation.columns)):
            continue
        before = alteration.before.relations.get(table, relation)
        read_check(alteration, relation, kept(alteration.context, before, constraint.expression.node))
        if constraint.validated and constraint.enforced:
            alteration.work(table).verify.append(f"constraint {constraint.name} is checked against the new type")


# -- indexes ---------------------------------------------------------------------------------------------------------


def _index(alteration: Alteration, table: Name, index: Index) -> None:
    relation = alteration.relation(table)
    alteration.builder.lock(index, _AX)
    keys = check_definition(alteration.now, relation, as_statement(alteration, index))
    if relation.kind is RelationKind.PARTITIONED:
        return
    if not alteration.work(table).rewrite and _keeps_file(alteration, index, keys):
        return
    check_build(alteration.now, relation, index.method, keys, index.options)
    if index.method == "btree":
        check_row_size(alteration.now, relation, index.name.name, [key.type for key in keys])
    alteration.work(table).build.append(f"index {index.name.name} is built again")


def as_statement(alteration: Alteration, index: Index) -> Any:
    """Return an index as the statement from which the server makes it again."""
    statement = pg.IndexStmt(access_method=index.method, unique=index.unique)
    if _is_overlaps_key(alteration, index):
        statement.unique = False
    before = alteration.before.relations[index.table]
    for key in index.keys:
        element = statement.index_params.add().index_elem
        if key.column is not None:
            element.name = key.column
        elif key.expression is not None:
            element.expr.CopyFrom(kept(alteration.context, before, key.expression.node))
        if key.collation is not None and not _follows_column(before, key):
            for part in key.collation:
                element.collation.add().string.sval = part
        named = _written_class(alteration, before, index, key)
        if named is not None:
            element.opclass.add().string.sval = named
    for column in index.included:
        statement.index_including_params.add().index_elem.name = column
    if index.predicate is not None:
        statement.where_clause.CopyFrom(kept(alteration.context, before, index.predicate.node))
    return statement


def _follows_column(before: Relation, key: IndexKey) -> bool:
    """Tell whether a key has its column's own collation, so that the index's definition does not show it."""
    return key.column in before.columns and before.columns[key.column or ""].collation == key.collation


def _is_overlaps_key(alteration: Alteration, index: Index) -> bool:
    constraint = alteration.relation(index.table).constraints.get(index.constraint or "")
    return constraint is not None and constraint.without_overlaps


def _written_class(alteration: Alteration, before: Relation, index: Index, key: IndexKey) -> str | None:
    """Return the operator class that the index's definition shows: none where it is its type's default."""
    if key.operator_class is None or key.column is None or key.column not in before.columns:
        return key.operator_class
    old = before.columns[key.column].type
    default = default_operator_class(index.method, old, alteration.before, alteration.version)
    return None if default is not None and default.name == key.operator_class else key.operator_class


def _keeps_file(alteration: Alteration, index: Index, keys: tuple[Key, ...]) -> bool:
    """Tell whether the new index takes over the old one's file."""
    if index.predicate is not None or not index.valid or index.parent is not None:
        return False
    if any(key.expression is not None for key in index.keys):
        return False
    before, after = alteration.before.relations[index.table], alteration.relation(index.table)
    for old_key, key in zip(index.keys, keys, strict=True):
        column = old_key.column or ""
        old = before.columns[column]
        chosen = key_class(index.method, old_key, old.type, alteration.before, alteration.version)
        if chosen is None or (chosen.name, chosen.input) != (key.operator_class, key.input):
            return False
        if chosen.input in _POLYMORPHIC and (
            chosen.key not in {None, chosen.input} or old.type.name != after.columns[column].type.name
        ):
            return False
        follows = old_key.collation is None or old_key.collation == old.collation
        if follows and _collation(old) != _collation(after.columns[column]):
            return False
    return True


def _collation(column: Any) -> Any:
    if column.collation is None or column.collation.name == "default":
        return None
    return column.collation


# -- foreign keys ----------------------------------------------------------------------------------------------------


def _foreign_keys(alteration: Alteration, retyped: dict[Name, frozenset[str]]) -> None:
    """Note the foreign keys that use a retyped column, on either side."""
    if not retyped:
        return
    catalog = alteration.draft.catalog
    for relation in tuple(catalog.relations.values()):
        for constraint in relation.constraints.values():
            if constraint.kind is not ConstraintKind.FOREIGN_KEY or constraint.references is None:
                continue
            own = retyped.get(relation.name, frozenset()) & set(constraint.columns)
            other = retyped.get(constraint.references, frozenset()) & set(constraint.referenced_columns)
            if own or other:
                _foreign_key(alteration, relation, constraint)


def _foreign_key(alteration: Alteration, relation: Relation, constraint: Constraint) -> None:
    catalog = alteration.draft.catalog
    referenced = catalog.relations.get(constraint.references) if constraint.references is not None else None
    if referenced is None:
        return
    for side in (relation, referenced, *catalog.descendants_of(referenced.name)):
        if side.bound is None or side.name == relation.name or referenced.kind is RelationKind.PARTITIONED:
            alteration.builder.lock(side, _AX)
    index, _ = unique_index_on(alteration, referenced, constraint.referenced_columns)
    if index is None:
        return
    require_comparable(
        alteration,
        relation,
        referenced,
        constraint.columns,
        constraint.referenced_columns,
        index,
        constraint.name,
    )
    if not constraint.validated or not constraint.enforced:
        return
    if constraint.inherited and relation.bound is not None:
        return
    members = (relation.name, *(child.name for child in catalog.descendants_of(relation.name)))
    rewritten = any(alteration.work(name).rewrite for name in (*members, referenced.name) if name in alteration.tables)
    if rewritten or not _same_comparison(alteration, relation, referenced, constraint, index):
        alteration.work(relation.name).foreign_keys.append(constraint.name)


def _same_comparison(
    alteration: Alteration, relation: Relation, referenced: Relation, constraint: Constraint, index: Index
) -> bool:
    """Tell whether a foreign key compares its columns as it did before."""
    before = alteration.before
    old_relation, old_referenced = before.relations[relation.name], before.relations[referenced.name]
    old_index = before.indexes.get(index.name, index)
    for column, key in zip(constraint.columns, constraint.referenced_columns, strict=True):
        one = _equality(before, old_relation, old_referenced, old_index, column, key, alteration.version)
        other = _equality(alteration.draft.catalog, relation, referenced, index, column, key, alteration.version)
        if one is None or one != other:
            return False
    return True


def _equality(
    catalog: Catalog, relation: Relation, referenced: Relation, index: Index, column: str, key: str, version: int
) -> Any:
    by_column = {entry.column: entry for entry in index.keys}
    nothing = builtin_type("unknown")
    one = relation.columns[column].type if column in relation.columns else nothing
    other = referenced.columns[key].type if key in referenced.columns else nothing
    compared = key_class(index.method, by_column[key], other, catalog, version)
    return None if compared is None else key_equality(one, other, compared, catalog, version)

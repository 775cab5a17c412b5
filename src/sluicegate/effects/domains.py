"""CREATE DOMAIN and ALTER DOMAIN: a new constraint is checked in every column of the domain."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from postgast import pg_query_pb2 as pg

from sluicegate.catalog.model import ConstraintKind, Name, RelationKind, SqlType, TypeKind, UserType
from sluicegate.catalog.naming import clip
from sluicegate.catalog.type_facts import type_facts
from sluicegate.catalog.types import display, serial_base, written
from sluicegate.effects.column_definitions import check_modifiers
from sluicegate.effects.composite_types import column_using_row_type
from sluicegate.effects.context import Refused
from sluicegate.effects.expressions import Place, read_expression
from sluicegate.effects.index_definition import check_collation_exists
from sluicegate.effects.model import LockMode
from sluicegate.effects.type_names import refuse_taken_type, require_user_type
from sluicegate.statements.nodes import qualified, unwrap

if TYPE_CHECKING:
    from collections.abc import Iterator

    from sluicegate.catalog.model import Relation
    from sluicegate.effects.context import Context
    from sluicegate.effects.expressions import ExpressionFacts

_STORES = frozenset({RelationKind.TABLE, RelationKind.MATERIALIZED_VIEW})


def create_domain(context: Context, node: Any) -> None:
    """Refuse what CREATE DOMAIN refuses; it touches no table."""
    if serial_base(node.type_name) is not None:
        context.absent("42704", f'type "{written(node.type_name)}" does not exist')
    schema, base = qualified(node.domainname)
    if schema is not None and schema not in context.catalog.schemas:
        context.absent("3F000", f'schema "{schema}" does not exist')
    refuse_taken_type(context, Name(schema or context.creation_schema, clip(base)))
    sql_type = context.require_type(node.type_name)
    check_modifiers(sql_type, node.type_name, context.catalog)
    facts = type_facts(sql_type, context.catalog)
    if facts.pseudo and not sql_type.array:
        raise Refused("42804", f'"{written(node.type_name)}" is not a valid base type for a domain')
    if node.HasField("coll_clause"):
        if facts.known and not facts.collatable:
            shown = display(SqlType(sql_type.name, array=sql_type.array))
            raise Refused("42804", f"collations are not supported by type {shown}")
        check_collation_exists(context, node.coll_clause.collname)
    names: set[str] = set()
    kinds: set[int] = set()
    for item in node.constraints:
        constraint = unwrap(item)
        _refuse_domain_constraint(kinds, constraint)
        kinds.add(constraint.contype)
        if constraint.contype == pg.CONSTR_DEFAULT:
            _accept(context, read_expression(context, constraint.raw_expr, Place.DEFAULT, target=sql_type, column=base))
        elif constraint.contype == pg.CONSTR_CHECK:
            _read_check(context, constraint.raw_expr, sql_type)
        if constraint.conname:
            if constraint.conname in names:
                raise Refused("42710", f'constraint "{constraint.conname}" for domain "{base}" already exists')
            names.add(constraint.conname)


_IMPOSSIBLE = {
    pg.CONSTR_UNIQUE: "unique constraints not possible for domains",
    pg.CONSTR_PRIMARY: "primary key constraints not possible for domains",
    pg.CONSTR_EXCLUSION: "exclusion constraints not possible for domains",
    pg.CONSTR_FOREIGN: "foreign key constraints not possible for domains",
    pg.CONSTR_GENERATED: "specifying GENERATED not supported for domains",
    pg.CONSTR_IDENTITY: "specifying GENERATED not supported for domains",
}


def _refuse_domain_constraint(before: set[int], constraint: Any) -> None:
    if constraint.contype in _IMPOSSIBLE:
        raise Refused("42601", _IMPOSSIBLE[constraint.contype])
    pair = {pg.CONSTR_NULL, pg.CONSTR_NOTNULL}
    if constraint.contype in pair and before & (pair - {constraint.contype}):
        raise Refused("42601", "conflicting NULL/NOT NULL constraints")
    if constraint.contype == pg.CONSTR_DEFAULT and pg.CONSTR_DEFAULT in before:
        raise Refused("42601", "multiple default expressions")


def _read_check(context: Context, node: Any, base: SqlType) -> None:
    columns = {"value": base}
    _accept(context, read_expression(context, node, Place.CHECK, columns=columns, condition=True))


def _accept(context: Context, facts: ExpressionFacts) -> None:
    if facts.refusal is not None:
        raise Refused(facts.refusal.sqlstate, facts.refusal.message)
    for phrase in facts.unknowns:
        context.builder.unknown(phrase)


def alter_domain(context: Context, node: Any) -> None:
    """Note what ALTER DOMAIN does to the tables that use the domain."""
    domain = require_user_type(context, node.type_name, TypeKind.DOMAIN, "a domain")
    definition = unwrap(getattr(node, "def"))
    match node.subtype:
        case "T":
            if definition is not None and domain.base is not None:
                column = domain.name.name
                facts = read_expression(context, definition, Place.DEFAULT, target=domain.base, column=column)
                _accept(context, facts)
        case "O":
            if not domain.not_null:
                _validate(context, domain, "holds NULL")
        case "C":
            _add_constraint(context, domain, definition)
        case "X":
            if _constraint(domain, node.name) is None and not node.missing_ok:
                _no_constraint(context, domain, node.name)
        case "V":
            constraint = _constraint(domain, node.name)
            if constraint is None:
                _no_constraint(context, domain, node.name)
            elif constraint.kind is not ConstraintKind.CHECK:
                raise Refused(
                    "42809", f'constraint "{node.name}" of domain "{domain.name.name}" is not a check constraint'
                )
            # Unlike a table's, a domain's constraint is checked again even if it is valid already.
            _validate(context, domain, f"violates {node.name}")
        case _:
            pass


def _constraint(domain: UserType, name: str) -> Any:
    return domain.constraints.get(clip(name))


def _no_constraint(context: Context, domain: UserType, name: str) -> None:
    context.absent("42704", f'constraint "{name}" of domain "{domain.name.name}" does not exist')


def _add_constraint(context: Context, domain: UserType, node: Any) -> None:
    if node.contype in _IMPOSSIBLE:
        raise Refused("42601", _IMPOSSIBLE[node.contype])
    if node.conname and _constraint(domain, node.conname) is not None:
        raise Refused("42710", f'constraint "{node.conname}" for domain "{domain.name.name}" already exists')
    if node.contype == pg.CONSTR_CHECK and domain.base is not None:
        _read_check(context, node.raw_expr, domain.base)
    elif node.contype == pg.CONSTR_NOTNULL and domain.not_null:
        return
    if not node.skip_validation:
        _validate(context, domain, "holds NULL" if node.contype == pg.CONSTR_NOTNULL else "violates the CHECK")


def _validate(context: Context, domain: UserType, how: str) -> None:
    """Note that every column of the domain is read (``get_rels_with_domain`` in PostgreSQL's typecmds.c)."""
    columns = list(_columns_of(context, domain.name))
    for relation, column in columns:
        context.builder.lock(relation, LockMode.ShareLock)
        context.builder.scan(relation, f"the domain {domain.name.name} of column {column} gets a constraint")
        context.builder.depends(f"fails if a value of {relation.name}.{column} {how}")
    for name in (domain.name, *_domains_over(context, domain.name)):
        _refuse_contained(context, domain, name, columns)


def _domains_over(context: Context, name: Name) -> Iterator[Name]:
    for user_type in context.catalog.types.values():
        base = user_type.base if user_type.kind is TypeKind.DOMAIN else None
        if base is not None and base.name == name and not base.array:
            yield user_type.name
            yield from _domains_over(context, user_type.name)


def _columns_of(context: Context, name: Name) -> Iterator[tuple[Relation, str]]:
    names = {name, *_domains_over(context, name)}
    for relation in context.catalog.relations.values():
        if relation.kind not in _STORES:
            continue
        for column in relation.columns.values():
            if column.type.name in names and not column.type.array:
                yield relation, column.name


def _refuse_contained(context: Context, domain: UserType, name: Name, columns: list[tuple[Relation, str]]) -> None:
    """Refuse when the domain hides in a stored array or row, where the server does not check it."""
    direct = {(relation.name, column) for relation, column in columns}
    user = _stored_inside(context, name, direct)
    if user is not None:
        shown = f'cannot alter type "{domain.name.name}" because column "{user[0].name}.{user[1]}" uses it'
        raise Refused("0A000", shown)


def _stored_inside(context: Context, name: Name, direct: set[tuple[Name, str]]) -> tuple[Name, str] | None:
    for relation in context.catalog.relations.values():
        for column in relation.columns.values():
            if column.type.name != name:
                continue
            if column.type.array and relation.kind in {*_STORES, RelationKind.PARTITIONED}:
                return relation.name, column.name
            if relation.kind is RelationKind.COMPOSITE:
                found = column_using_row_type(context.catalog, relation.name)
                if found is not None and found not in direct:
                    return found
    return None

"""CREATE and ALTER of domains, enums, composite and range types; only a domain's new constraint touches tables."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from postgast import pg_query_pb2 as pg

from sluicegate.catalog.model import ConstraintKind, Name, RelationKind, SqlType, TypeKind, UserType
from sluicegate.catalog.naming import clip
from sluicegate.catalog.type_facts import type_facts
from sluicegate.catalog.types import display, find_type, serial_base, written
from sluicegate.effects.column_definitions import check_modifiers, require_column_type
from sluicegate.effects.composite_types import column_using_row_type
from sluicegate.effects.context import Refused
from sluicegate.effects.expressions import Place, read_expression
from sluicegate.effects.index_definition import check_collation_exists
from sluicegate.effects.model import LockMode
from sluicegate.statements.nodes import qualified, strings, unwrap

if TYPE_CHECKING:
    from collections.abc import Iterator

    from sluicegate.catalog.model import Relation
    from sluicegate.effects.context import Context
    from sluicegate.effects.expressions import ExpressionFacts
    from sluicegate.effects.model import Effects

_LABEL = 63  # NAMEDATALEN - 1: bytes of an enum label
_STORES = frozenset({RelationKind.TABLE, RelationKind.MATERIALIZED_VIEW})
_RANGE_ATTRIBUTES = frozenset(
    {"subtype", "subtype_opclass", "collation", "canonical", "subtype_diff", "multirange_type_name"}
)


def predict_domains_enums(context: Context, node: Any) -> Effects:
    """Predict a statement about types."""
    match node:
        case pg.CreateDomainStmt():
            _create_domain(context, node)
        case pg.AlterDomainStmt():
            _alter_domain(context, node)
        case pg.CreateEnumStmt():
            _create_enum(context, node)
        case pg.AlterEnumStmt():
            _alter_enum(context, node)
        case pg.CompositeTypeStmt():
            _create_composite(context, node)
        case pg.CreateRangeStmt():
            _create_range(context, node)
        case pg.AlterTypeStmt():
            _alter_base(context, node)
    return context.builder.finish()


# -- names -----------------------------------------------------------------------------------------------------------


def refuse_taken_type(context: Context, name: Name) -> None:
    """Refuse a type's name that a type, or a table's row type, has in the same schema."""
    relation = context.catalog.relations.get(name)
    has_row_type = relation is not None and relation.kind is not RelationKind.SEQUENCE
    if name in context.catalog.types or has_row_type:
        raise Refused("42710", f'type "{name.name}" already exists')


def _new_name(context: Context, names: Any) -> Name:
    schema, base = qualified(names)
    if schema is not None and schema not in context.catalog.schemas:
        context.absent("3F000", f'schema "{schema}" does not exist')
    name = Name(schema or context.creation_schema, clip(base))
    refuse_taken_type(context, name)
    return name


def _require(context: Context, names: Any, kind: TypeKind, word: str) -> UserType:
    schema, base = qualified(names)
    found = context.user_type((schema, base))
    if found is None:
        type_name = pg.TypeName(names=list(names))
        other = find_type(type_name, context.catalog, context.search_path)
        if other is None:
            context.absent("42704", f'type "{".".join(strings(names))}" does not exist')
        raise Refused("42809", f"{display(other)} is not {word}")
    if found.kind is not kind:
        raise Refused("42809", f"{display(SqlType(found.name))} is not {word}")
    return found


# -- domains ---------------------------------------------------------------------------------------------------------


def _create_domain(context: Context, node: Any) -> None:
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


def _alter_domain(context: Context, node: Any) -> None:
    domain = _require(context, node.type_name, TypeKind.DOMAIN, "a domain")
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
        raise Refused(
            "42710", f'constraint "{node.conname}" for domain "{domain.name.name}" already exists'
        )
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
        if user_type.kind is TypeKind.DOMAIN and user_type.base is not None and user_type.base.name == name:
            if not user_type.base.array:
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


# -- enums -----------------------------------------------------------------------------------------------------------


def _create_enum(context: Context, node: Any) -> None:
    _new_name(context, node.type_name)
    values = strings(node.vals)
    for value in values:
        _refuse_label(value)
        if values.count(value) > 1:
            raise Refused("23505", 'duplicate key value violates unique constraint "pg_enum_typid_label_index"')


def _refuse_label(value: str) -> None:
    if len(value.encode()) > _LABEL:
        raise Refused("42602", f'invalid enum label "{value}"')


def _alter_enum(context: Context, node: Any) -> None:
    found = _require(context, node.type_name, TypeKind.ENUM, "an enum")
    if node.old_val:
        if node.old_val not in found.values:
            raise Refused("22023", f'"{node.old_val}" is not an existing enum label')
        if node.new_val in found.values:
            raise Refused("42710", f'enum label "{node.new_val}" already exists')
        _refuse_label(node.new_val)
        return
    _refuse_label(node.new_val)
    if node.new_val in found.values:
        if not node.skip_if_new_val_exists:
            raise Refused("42710", f'enum label "{node.new_val}" already exists')
        return
    if node.new_val_neighbor and node.new_val_neighbor not in found.values:
        raise Refused("22023", f'"{node.new_val_neighbor}" is not an existing enum label')


# -- composite and range types -----------------------------------------------------------------------------------------


def _create_composite(context: Context, node: Any) -> None:
    schema, base = node.typevar.schemaname or None, node.typevar.relname
    if schema is not None and schema not in context.catalog.schemas:
        context.absent("3F000", f'schema "{schema}" does not exist')
    name = Name(schema or context.creation_schema, clip(base))
    seen: set[str] = set()
    for item in node.coldeflist:
        column = item.column_def
        if column.colname in seen:
            raise Refused("42701", f'column "{column.colname}" specified more than once')
        seen.add(column.colname)
    refuse_taken_type(context, name)
    if name in context.catalog.relations or name in context.catalog.indexes:
        raise Refused("42P07", f'relation "{name.name}" already exists')
    for item in node.coldeflist:
        require_column_type(context, item.column_def.type_name, item.column_def.colname)


def _create_range(context: Context, node: Any) -> None:
    _new_name(context, node.type_name)
    subtype = None
    for item in node.params:
        element = item.def_elem
        if element.defname not in _RANGE_ATTRIBUTES:
            raise Refused("42601", f'type attribute "{element.defname}" not recognized')
        if element.defname == "subtype":
            subtype = context.require_type(unwrap(element.arg))
    if subtype is None:
        raise Refused("42601", 'type attribute "subtype" is required')
    if type_facts(subtype, context.catalog).pseudo:
        raise Refused("42804", f"range subtype cannot be {display(subtype)}")


def _alter_base(context: Context, node: Any) -> None:
    schema, base = qualified(node.type_name)
    found = context.user_type((schema, base))
    other = find_type(pg.TypeName(names=list(node.type_name)), context.catalog, context.search_path)
    if found is None and other is None:
        context.absent("42704", f'type "{".".join(strings(node.type_name))}" does not exist')
    if found is not None and found.kind is not TypeKind.BASE:
        raise Refused("42809", f"{display(SqlType(found.name))} is not a base type")

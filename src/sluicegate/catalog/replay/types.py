"""CREATE, ALTER TYPE and DOMAIN."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

from postgast import pg_query_pb2 as pg

from sluicegate.catalog.model import (
    Column,
    Constraint,
    ConstraintKind,
    Function,
    Name,
    Relation,
    RelationKind,
    SqlType,
    TypeKind,
    UserType,
    Volatility,
)
from sluicegate.catalog.naming import choose, clip
from sluicegate.catalog.replay.indexes import find_collation
from sluicegate.catalog.replay.tables import default_expression
from sluicegate.catalog.types import builtin_type
from sluicegate.statements.nodes import qualified, strings, unwrap

if TYPE_CHECKING:
    from sluicegate.catalog.replay.draft import Draft


def create_enum(draft: Draft, node: Any) -> None:
    """Replay CREATE TYPE … AS ENUM."""
    draft.put_type(
        UserType(
            draft.new_name(node.type_name),
            TypeKind.ENUM,
            values=strings(node.vals),
            created_in=draft.catalog.transaction,
        )
    )


def alter_enum(draft: Draft, node: Any) -> None:
    """Replay ALTER TYPE … ADD VALUE and RENAME VALUE."""
    found = draft.user_type(node.type_name)
    if found is None:
        return
    values = list(found.values)
    if node.old_val:
        renamed = tuple(node.new_val if value == node.old_val else value for value in values)
        added = {node.new_val if key == node.old_val else key: value for key, value in found.added_in.items()}
        draft.put_type(replace(found, values=renamed, added_in=added))
        return
    if node.new_val in values:
        return
    place = len(values)
    if node.new_val_neighbor in values:
        place = values.index(node.new_val_neighbor) + int(node.new_val_is_after)
    values.insert(place, node.new_val)
    added = {**found.added_in, node.new_val: draft.catalog.transaction}
    draft.put_type(replace(found, values=tuple(values), added_in=added))


def create_composite(draft: Draft, node: Any) -> None:
    """Replay CREATE TYPE … AS (…)."""
    name = draft.new_name(node.typevar)
    columns = {}
    for item in node.coldeflist:
        definition = item.column_def
        collation = find_collation(definition.coll_clause.collname) if definition.HasField("coll_clause") else None
        columns[definition.colname] = Column(
            clip(definition.colname), draft.type(definition.type_name), collation=collation
        )
    draft.put(Relation(name, RelationKind.COMPOSITE, columns, created_in=draft.catalog.transaction))
    draft.put_type(UserType(name, TypeKind.COMPOSITE, created_in=draft.catalog.transaction))


def create_range(draft: Draft, node: Any) -> None:
    """Replay CREATE TYPE … AS RANGE; the multirange type comes along."""
    name = draft.new_name(node.type_name)
    subtype = None
    multirange = Name(name.schema, _multirange_name(name.name))
    for item in node.params:
        element = item.def_elem
        if element.defname == "subtype":
            subtype = draft.type(unwrap(element.arg))
        elif element.defname == "multirange_type_name":
            schema, base = qualified(element.arg)
            multirange = Name(schema or name.schema, base)
    draft.put_type(
        UserType(name, TypeKind.RANGE, subtype=subtype, multirange=multirange, created_in=draft.catalog.transaction)
    )
    draft.put_type(UserType(multirange, TypeKind.RANGE, subtype=subtype, created_in=draft.catalog.transaction))
    _constructors(draft, name, multirange, subtype or builtin_type("text"))


def _constructors(draft: Draft, name: Name, multirange: Name, subtype: SqlType) -> None:
    one, several, text = SqlType(name), SqlType(multirange), builtin_type("text")
    bound = SqlType(subtype.name, array=subtype.array)
    for bounds in ((bound, bound), (bound, bound, text)):
        draft.put_function(_constructor(name, bounds, one, strict=False))
    listed = SqlType(name, array=True)
    draft.put_function(_constructor(multirange, (), several, strict=True))
    draft.put_function(_constructor(multirange, (one,), several, strict=True))
    draft.put_function(replace(_constructor(multirange, (listed,), several, strict=True), variadic=True))


def _constructor(name: Name, arguments: tuple[SqlType, ...], returns: SqlType, *, strict: bool) -> Function:
    return Function(
        name,
        arguments,
        returns,
        Volatility.IMMUTABLE,
        "internal",
        strict=strict,
        argument_names=("",) * len(arguments),
    )


def _multirange_name(name: str) -> str:
    # makeMultirangeTypeName in PostgreSQL's pg_type.c
    return clip(name.replace("range", "multirange", 1)) if "range" in name else f"{clip(name, 52)}_multirange"


def create_domain(draft: Draft, node: Any) -> None:
    """Replay CREATE DOMAIN."""
    name = draft.new_name(node.domainname)
    draft.put_type(
        UserType(
            name,
            TypeKind.DOMAIN,
            base=draft.type(node.type_name),
            created_in=draft.catalog.transaction,
        )
    )
    for item in node.constraints:
        constraint = unwrap(item)
        if constraint.contype == pg.CONSTR_DEFAULT:
            found = draft.catalog.types[name]
            draft.put_type(replace(found, default=default_expression(draft, constraint.raw_expr)))
        else:
            _add_domain_constraint(draft, name, constraint)


def _add_domain_constraint(draft: Draft, name: Name, node: Any) -> None:
    found = draft.catalog.types[name]
    taken = draft.constraint_name_taken(name.schema)
    if node.contype == pg.CONSTR_NOTNULL:
        constraints = found.constraints
        if draft.catalog.version >= 17:
            label = clip(node.conname) or choose(name.name, None, "not_null", taken)
            constraints = {**constraints, label: Constraint(label, ConstraintKind.NOT_NULL)}
        draft.put_type(replace(found, not_null=True, constraints=constraints))
    elif node.contype == pg.CONSTR_CHECK:
        label = clip(node.conname) or choose(name.name, None, "check", taken)
        constraint = Constraint(
            label,
            ConstraintKind.CHECK,
            expression=draft.expression(node.raw_expr),
            validated=not node.skip_validation,
        )
        draft.put_type(replace(found, constraints={**found.constraints, label: constraint}))


def alter_domain(draft: Draft, node: Any) -> None:
    """Replay ALTER DOMAIN."""
    found = draft.user_type(node.type_name)
    if found is None:
        return
    definition = unwrap(getattr(node, "def"))
    match node.subtype:
        case "T":
            default = default_expression(draft, definition) if definition is not None else None
            draft.put_type(replace(found, default=default))
        case "O":
            _add_domain_constraint(draft, found.name, pg.Constraint(contype=pg.CONSTR_NOTNULL))
        case "N":
            rest = {k: v for k, v in found.constraints.items() if v.kind is not ConstraintKind.NOT_NULL}
            draft.put_type(replace(found, not_null=False, constraints=rest))
        case "C":
            _add_domain_constraint(draft, found.name, definition)
        case "X":
            dropped = found.constraints.get(node.name)
            rest = {k: v for k, v in found.constraints.items() if k != node.name}
            not_null = found.not_null and not (dropped is not None and dropped.kind is ConstraintKind.NOT_NULL)
            draft.put_type(replace(found, constraints=rest, not_null=not_null))
        case "V":
            constraint = found.constraints.get(node.name)
            if constraint is not None:
                valid = {**found.constraints, node.name: replace(constraint, validated=True)}
                draft.put_type(replace(found, constraints=valid))


def define(draft: Draft, node: Any) -> None:
    """Replay CREATE TYPE of a base type or a shell; other definitions leave nothing a prediction needs."""
    if node.kind == pg.OBJECT_TYPE:
        draft.put_type(UserType(draft.new_name(node.defnames), TypeKind.BASE, created_in=draft.catalog.transaction))
    elif node.kind == pg.OBJECT_AGGREGATE:
        from sluicegate.catalog.replay.functions import create_aggregate

        create_aggregate(draft, node)

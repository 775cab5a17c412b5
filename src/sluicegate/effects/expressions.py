"""Defaults, checks, index keys, USING clauses as families ask for them: type, volatility, why one is rejected."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from sluicegate.catalog.expressions import Invalid, Meaning, Notes, Place, Reader
from sluicegate.catalog.model import RelationKind, SqlType, Volatility
from sluicegate.catalog.types import builtin_type, display
from sluicegate.effects.model import Refusal

if TYPE_CHECKING:
    from collections.abc import Mapping

    from sluicegate.catalog.model import Relation
    from sluicegate.effects.context import Context

__all__ = ["ExpressionFacts", "Place", "read_expression"]

_SYSTEM_COLUMNS = {"tableoid": "oid", "ctid": "tid", "xmin": "xid", "xmax": "xid", "cmin": "cid", "cmax": "cid"}


@dataclass(frozen=True, slots=True)
class ExpressionFacts:
    """What is known of an expression.

    Attributes:
        type: its type after the coercion that was asked for; ``unknown`` for a bare literal; None if it cannot be told.
        volatility: the most volatile thing in it, coercion included, after the planner folded and inlined what it
            can: VOLATILE as a default means that ADD COLUMN rewrites, not IMMUTABLE in an index means an error. None
            when a function in it is not known; ``unknowns`` then says which.
        constant: whether the planner folds it to a constant.
        null: whether it is the constant NULL.
        columns: the columns it uses, in reading order.
        refusal: why the server rejects it, or None.
        unknowns: one phrase for each thing that is not known.
        failure: the error it gives whenever it is evaluated, though the server stores it; or None.
    """

    type: SqlType | None = None
    volatility: Volatility | None = None
    constant: bool = False
    null: bool = False
    columns: tuple[str, ...] = ()
    refusal: Refusal | None = None
    unknowns: tuple[str, ...] = ()
    failure: Refusal | None = None


def read_expression(
    context: Context,
    node: Any,
    place: Place,
    *,
    relation: Relation | None = None,
    columns: Mapping[str, SqlType | None] | None = None,
    target: SqlType | None = None,
    column: str = "",
    condition: bool = False,
    evaluated: bool = True,
) -> ExpressionFacts:
    """Return what is known of an expression.

    Args:
        context: the statement's context.
        node: the expression's tree.
        place: where it stands; it decides what is allowed in it.
        relation: the table whose columns it may use.
        columns: further columns it may use, such as ``{"value": …}`` in a domain's CHECK, or instead of a relation's.
        target: the type it is stored as (assignment), where there is one.
        column: the column it is stored in, for the error's text.
        condition: True where a truth value is wanted.
        evaluated: False where the statement only stores the expression (SET DEFAULT, CREATE TABLE): a constant that
            does not fit its type's modifiers is then ``failure``, not ``refusal``.
    """
    reader = Reader(
        context.catalog,
        context.search_path,
        context.version,
        columns=_resolver(context, relation, columns, place),
        place=place,
        evaluated=evaluated,
    )
    try:
        if condition:
            found = reader.condition(node, "CHECK" if place is Place.CHECK else "WHERE")
        else:
            found = reader.read(node)
            if target is not None:
                found = _assigned(reader, found, target, column, place)
    except Invalid as invalid:
        return ExpressionFacts(
            columns=tuple(reader.notes.columns),
            refusal=Refusal(invalid.sqlstate, invalid.message),
            unknowns=tuple(reader.notes.unknowns),
        )
    return ExpressionFacts(
        found.type,
        found.volatility,
        found.constant,
        found.null,
        tuple(reader.notes.columns),
        unknowns=tuple(reader.notes.unknowns),
        failure=next((Refusal(one.sqlstate, one.message) for one in reader.notes.failures), None),
    )


def _assigned(reader: Reader, found: Meaning, target: SqlType, column: str, place: Place) -> Meaning:
    from sluicegate.catalog.casts import CastContext

    try:
        stored = reader.coerce(found, target, CastContext.ASSIGNMENT)
    except Invalid as invalid:
        if invalid.sqlstate != "42804" or found.type is None:
            raise
        wanted, given = display(SqlType(target.name, array=target.array)), display(found.type)
        if place is Place.TRANSFORM:
            message = f'result of USING clause for column "{column}" cannot be cast automatically to type {wanted}'
        else:
            message = f'column "{column}" is of type {wanted} but default expression is of type {given}'
        raise Invalid("42804", message) from None
    return stored


def _resolver(
    context: Context, relation: Relation | None, columns: Mapping[str, SqlType | None] | None, place: Place
) -> Any:
    def resolve(parts: tuple[str, ...], notes: Notes) -> SqlType | None:
        name = parts[-1]
        if place in {Place.DEFAULT, Place.BOUND}:
            raise Invalid("0A000", f"cannot use column reference in {place.value[0]}")
        if columns is not None and name in columns:
            notes.columns[name] = None
            return columns[name]
        if relation is None:
            if columns is not None and context.catalog.complete:
                raise Invalid("42703", f'column "{name}" does not exist')
            notes.unknown(f"the column {name} is not in the schema that was given")
            return None
        if len(parts) > 1 and parts[-2] != relation.name.name:
            raise Invalid("42P01", f'missing FROM-clause entry for table "{parts[-2]}"')
        if name in relation.columns:
            notes.columns[name] = None
            return relation.columns[name].type
        if name in _SYSTEM_COLUMNS and relation.kind is not RelationKind.VIEW:
            return builtin_type(_SYSTEM_COLUMNS[name])
        if name == relation.name.name:
            notes.columns.update(dict.fromkeys(relation.columns))
            return SqlType(relation.name)
        raise Invalid("42703", f'column "{".".join(parts)}" does not exist')

    return resolve

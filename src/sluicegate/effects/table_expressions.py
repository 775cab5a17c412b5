"""Checks and defaults of an ALTER TABLE, read against the table as it stands, with refusals raised at once."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from sluicegate.effects.context import Refused
from sluicegate.effects.expressions import ExpressionFacts, Place, read_expression

if TYPE_CHECKING:
    from sluicegate.catalog.model import Relation, SqlType
    from sluicegate.effects.alteration import Alteration


def read_check(alteration: Alteration, relation: Relation, node: Any) -> ExpressionFacts:
    """Return what is known of a CHECK over a table.

    Raises:
        Refused: the server rejects it.
    """
    found = read_expression(alteration.now, node, Place.CHECK, relation=relation, condition=True)
    return _accepted(alteration, found)


def read_default(alteration: Alteration, node: Any, target: SqlType, column: str) -> ExpressionFacts:
    """Return what is known of a column's default.

    Raises:
        Refused: the server rejects it.
    """
    found = read_expression(alteration.now, node, Place.DEFAULT, target=target, column=column)
    return _accepted(alteration, found)


def read_generation(
    alteration: Alteration, relation: Relation, node: Any, target: SqlType, column: str
) -> ExpressionFacts:
    """Return what is known of the expression of a generated column, which may not use another generated column.

    Raises:
        Refused: the server rejects it.
    """
    found = read_expression(alteration.now, node, Place.GENERATED, relation=relation, target=target, column=column)
    for used in found.columns:
        if relation.columns[used].generated is not None:
            raise Refused("42P17", f'cannot use generated column "{used}" in column generation expression')
    return _accepted(alteration, found)


def _accepted(alteration: Alteration, found: ExpressionFacts) -> ExpressionFacts:
    if found.refusal is not None:
        raise Refused(found.refusal.sqlstate, found.refusal.message)
    for phrase in found.unknowns:
        alteration.builder.unknown(phrase)
    return found

"""Checks and defaults of an ALTER TABLE, read against the table as it stands, with refusals raised at once."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from postgast import pg_query_pb2 as pg

from sluicegate.catalog.model import Volatility
from sluicegate.effects.alteration import SYSTEM_COLUMNS
from sluicegate.effects.context import Refused
from sluicegate.effects.expressions import ExpressionFacts, Place, read_expression
from sluicegate.statements.nodes import string, strings, walk_kinds

if TYPE_CHECKING:
    from sluicegate.catalog.model import Relation, SqlType
    from sluicegate.effects.alteration import Alteration


def read_check(alteration: Alteration, relation: Relation, node: Any) -> ExpressionFacts:
    """Return what is known of a CHECK over a table.

    Raises:
        Refused: the server rejects it.
    """
    found = read_expression(alteration.now, node, Place.CHECK, relation=relation, condition=True)
    _refuse_system_columns(relation, node, "check constraint")
    return _accepted(alteration, found)


def _refuse_system_columns(relation: Relation, node: Any, where: str) -> None:
    """Refuse system columns but ``tableoid`` (``scanNSItemForColumn`` in PostgreSQL's parse_relation.c)."""
    for reference in walk_kinds(node, pg.ColumnRef):
        name = string(reference.fields[-1])
        if name in SYSTEM_COLUMNS - {"tableoid"} and name not in relation.columns:
            raise Refused("42P10", f'system column "{name}" reference in {where} is invalid')


def read_default(alteration: Alteration, node: Any, target: SqlType, column: str) -> ExpressionFacts:
    """Return what is known of a column's default.

    Raises:
        Refused: the server rejects it.
    """
    found = read_expression(alteration.now, node, Place.DEFAULT, target=target, column=column)
    _require_sequences(alteration, node)
    return _accepted(alteration, found)


def _require_sequences(alteration: Alteration, node: Any) -> None:
    """Refuse ``nextval('x')`` and its kin where there is no relation x: the text is looked up when it is read."""
    for call in walk_kinds(node, pg.FuncCall):
        if strings(call.funcname)[-1] not in {"nextval", "currval", "setval"} or not call.args:
            continue
        constant = next(iter(walk_kinds(call.args[0], pg.A_Const)), None)
        if constant is None or not constant.HasField("sval"):
            continue
        parts = [part.strip('"') for part in string(constant).split(".")]
        name = (parts[-2] if len(parts) > 1 else None, parts[-1])
        if alteration.now.relation_or_index(name) is None:
            alteration.now.missing(name, parsing=True)


def read_generation(
    alteration: Alteration, relation: Relation, node: Any, target: SqlType, column: str
) -> ExpressionFacts:
    """Return what is known of the expression of a generated column, which may not use another generated column.

    Raises:
        Refused: the server rejects it.
    """
    written = _accepted(alteration, read_expression(alteration.now, node, Place.GENERATED, relation=relation))
    for used in written.columns:
        if used in relation.columns and relation.columns[used].generated is not None:
            raise Refused("42P17", f'cannot use generated column "{used}" in column generation expression')
    for reference in walk_kinds(node, pg.ColumnRef):
        name = string(reference.fields[-1])
        if name in SYSTEM_COLUMNS - {"tableoid"} and name not in relation.columns:
            raise Refused("42P10", f'cannot use system column "{name}" in column generation expression')
    if written.volatility in {Volatility.STABLE, Volatility.VOLATILE}:
        # The cast to the column's type comes after this check, so it alone may depend on settings.
        raise Refused("42P17", "generation expression is not immutable")
    found = read_expression(alteration.now, node, Place.GENERATED, relation=relation, target=target, column=column)
    return _accepted(alteration, found)


def _accepted(alteration: Alteration, found: ExpressionFacts) -> ExpressionFacts:
    if found.refusal is not None:
        raise Refused(found.refusal.sqlstate, found.refusal.message)
    for phrase in found.unknowns:
        alteration.builder.unknown(phrase)
    return found

"""CREATE TABLE in all its forms, CREATE VIEW, CREATE MATERIALIZED VIEW and CREATE SEQUENCE."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from postgast import pg_query_pb2 as pg

from sluicegate.catalog.naming import clip
from sluicegate.effects.context import Refused
from sluicegate.effects.new_names import refuse_taken, target_name
from sluicegate.effects.new_tables import create_table
from sluicegate.effects.queries import note_query, resolved
from sluicegate.effects.relation_options import check_options
from sluicegate.effects.sequences import create_sequence
from sluicegate.effects.views import create_view
from sluicegate.statements.nodes import strings, unwrap

if TYPE_CHECKING:
    from sluicegate.effects.context import Context
    from sluicegate.effects.model import Effects
    from sluicegate.effects.scopes import OutputColumns


def predict_tables(context: Context, node: Any) -> Effects:
    """Predict a statement that creates something which has columns."""
    match node:
        case pg.CreateStmt():
            create_table(context, node)
        case pg.CreateForeignTableStmt():
            create_table(context, node.base_stmt, server=node.servername)
        case pg.CreateTableAsStmt():
            _create_as(context, node)
        case pg.ViewStmt():
            create_view(context, node)
        case pg.CreateSeqStmt():
            create_sequence(context, node)
    return context.builder.finish()


def _create_as(context: Context, node: Any) -> None:
    """Source: ``ExecCreateTableAs`` in PostgreSQL's commands/createas.c."""
    inner = unwrap(node.query)
    name = target_name(context, node.into.rel)
    exists = name in context.catalog.relations or name in context.catalog.indexes
    skipped = exists and node.if_not_exists
    if isinstance(inner, pg.ExecuteStmt):
        context.builder.unknown(f"what was prepared as {inner.name} is not known")
        return
    filled = not node.into.skip_data and not skipped
    columns = note_query(context, inner, executed=filled, planned=filled)
    if skipped:
        return
    _check_into(context, node.into, columns)
    refuse_taken(context, name)


def _check_into(context: Context, into: Any, columns: OutputColumns) -> None:
    names = strings(into.col_names)
    if len(names) > len(columns) > 0:
        raise Refused("42601", "too many column names were specified")
    final = [*names, *(name for name, _ in resolved(columns)[len(names) :])]
    for number, name in enumerate(final):
        if name in final[:number]:
            raise Refused("42701", f'column "{name}" specified more than once')
    refusal = check_options(into.options, "table", context.version)
    if refusal is not None:
        raise Refused(refusal.sqlstate, refusal.message)
    for (name, sql_type), own in zip(columns, final, strict=False):
        if sql_type is not None and sql_type.name.name == "record" and sql_type.name.schema == "pg_catalog":
            raise Refused("42P16", f'column "{clip(own or name)}" has pseudo-type record')


def note_select_into(context: Context, node: Any, into: Any) -> None:
    """Note SELECT … INTO, which is CREATE TABLE AS in another spelling."""
    copy = pg.SelectStmt()
    copy.CopyFrom(node)
    below = copy
    while below.op != pg.SETOP_NONE:
        below = below.larg
    below.ClearField("into_clause")
    columns = note_query(context, copy)
    _check_into(context, into, columns)
    refuse_taken(context, target_name(context, into.rel))

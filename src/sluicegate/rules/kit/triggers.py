"""Triggers that keep a plain column filled, as remedies propose them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from postgast import pg_query_pb2 as pg

from sluicegate.rules.kit.operations import table_sql
from sluicegate.rules.kit.remedy import Code, execute
from sluicegate.rules.kit.spelling import expression_sql, identifier
from sluicegate.statements.nodes import walk_kinds

if TYPE_CHECKING:
    from sluicegate.catalog.model import Name


def fill_by_trigger(table: Name, column: str, expression: Any) -> tuple[Code, ...]:
    """Set a column from an expression over the same row whenever a row is written."""
    function, name = identifier(f"{table.name}_{column}_fill"), identifier(column)
    return (
        execute(
            f"CREATE FUNCTION {function}() RETURNS trigger LANGUAGE plpgsql AS $$\n"
            f"BEGIN\n    NEW.{name} := {_of_new_row(expression)};\n    RETURN NEW;\nEND\n$$"
        ),
        execute(
            f"CREATE TRIGGER {function} BEFORE INSERT OR UPDATE ON {table_sql(table)}\n"
            f"FOR EACH ROW EXECUTE FUNCTION {function}()"
        ),
    )


def _of_new_row(expression: Any) -> str:
    node = pg.Node()
    node.CopyFrom(expression)
    for reference in walk_kinds(node, pg.ColumnRef):
        del reference.fields[:-1]
        reference.fields.insert(0, pg.Node(string=pg.String(sval="new")))
    return expression_sql(node).replace("new.", "NEW.")

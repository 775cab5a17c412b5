"""What moves outside the revision: backfills and sidecar tables, written with the user's own names."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from sluicegate.catalog.model import ConstraintKind
from sluicegate.rules.kit.alembic_types import alembic_type, alembic_type_of
from sluicegate.rules.kit.operations import table_sql
from sluicegate.rules.kit.remedy import Code, Remedy, Revision, advice, call, instead, phased, python_string
from sluicegate.rules.kit.spelling import expression_sql, identifier, type_sql

if TYPE_CHECKING:
    from sluicegate.catalog.model import Name
    from sluicegate.rules.kit.changes import DataChange
    from sluicegate.rules.kit.context import Context


def backfill(change: DataChange, context: Context) -> Remedy:
    """Propose a backfill that makes the same change in batches, outside the deploy."""
    revision = context.revision.captured.revision
    if revision is None:
        return advice(f"Take the {change.verb} out of this file and run it as a backfill, in batches that commit.")
    row = _key(context, change.target)
    if change.verb != "UPDATE" or row is None:
        return advice(
            f"Move it into backfills/{revision}_….py, which runs outside the deploy in batches that commit, and "
            "let the "
            f'revision that relies on it begin with op.require_backfill("{revision}").'
        )
    columns = [target.res_target.name for target in change.node.target_list]
    values = ", ".join(
        f"{identifier(target.res_target.name)} = {expression_sql(target.res_target.val)}"
        for target in change.node.target_list
        if target.res_target.HasField("val")
    )
    table, key = table_sql(change.table), identifier(row)
    owed = expression_sql(change.node.where_clause) if change.filtered else "true"
    apply = f"UPDATE {table} AS target SET {values} FROM {{chunk}} AS row WHERE target.{key} = row.{key}"
    arguments = [
        f"revision={python_string(revision)}",
        f"table={python_string(str(change.table))}",
        f"key={python_string(row)}",
        f"where={python_string(owed)}",
        f"done={python_string(' AND '.join(f'row.{identifier(c)} IS NOT NULL' for c in columns))}",
        f"apply={python_string(apply)}",
        "tracking=HighWatermark()",
    ]
    text = f"backfill = {call('Backfill', arguments)}"
    slug = "_".join([change.table.name, *columns])
    gate = f"op.require_backfill({python_string(revision)})"
    return phased(
        Revision(f"backfills/{revision}_{slug}.py, run outside the deploy", (Code(text, text),)),
        Revision("the first line of the revision that relies on it", (Code(gate, gate),)),
    )


def sidecar(context: Context, table: Name, type_name: Any = None, column: str = "state") -> Remedy:
    """Propose a table beside an append-only one that holds what is learned about its rows."""
    key = _key(context, table)
    key_column = context.column(table, key) if key else None
    key_type = key_column.type if key_column else None
    python_key = alembic_type_of(key_type) if key_type else None
    python_type = alembic_type(type_name) if type_name is not None else "sa.Text()"
    one = table.name.removesuffix("s")
    name = f"{one}_{column}"
    why = (
        f"Keep it in a table beside {table_sql(table)}, filled by a backfill, or follow new rows with a high watermark."
    )
    if key is None or python_key is None or python_type is None:
        return advice(why)
    columns = [
        f"sa.Column({python_string(f'{one}_{key}')}, {python_key}, primary_key=True, autoincrement=False)",
        f"sa.Column({python_string(column)}, {python_type})",
    ]
    assert key_type is not None  # noqa: S101 - python_key came from it
    written = type_sql(type_name) if type_name is not None else "text"
    sql = (
        f"CREATE TABLE {identifier(name)} (\n    {identifier(f'{one}_{key}')} {key_type.name.name} PRIMARY KEY,\n"
        f"    {identifier(column)} {written}\n);"
    )
    return instead(Code(call("op.create_table", [python_string(name), *columns]), sql), advice=why)


def _key(context: Context, table: Name) -> str | None:
    """Return the table's primary key, where it has one of a single column."""
    relation = context.relation(table)
    for constraint in relation.constraints.values() if relation else ():
        if constraint.kind is ConstraintKind.PRIMARY_KEY and len(constraint.columns) == 1:
            return constraint.columns[0]
    return None

"""The way around a change that would rewrite a column: a second column beside it, filled and then swapped in."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from sluicegate.rules.kit.operations import add_column, table_sql
from sluicegate.rules.kit.remedy import Code, Remedy, Revision, call, phased, python_string
from sluicegate.rules.kit.spelling import identifier

if TYPE_CHECKING:
    from sluicegate.catalog.model import Name


def shadow_column(table: Name, column: str, type_name: Any, how: str = "") -> Remedy:
    """Propose a column of the new type, a backfill, and a swap by two renames.

    Args:
        table: the table.
        column: the column whose type should change.
        type_name: the new type, a ``TypeName``.
        how: what the backfill does, where it is more than a cast.
    """
    shadow, old = f"{column}_new", f"{column}_old"
    filled = how or f"copies {identifier(column)} into {identifier(shadow)}"
    return phased(
        Revision("this revision: the new column beside the old one", (add_column(table, shadow, type_name),)),
        Revision(
            f"then, outside the deploy, a backfill that {filled}; new rows get both from the code or a trigger", ()
        ),
        Revision(
            "a later revision, after the backfill is verified: swap by name, which takes a moment",
            (rename_column(table, column, old), rename_column(table, shadow, column)),
        ),
    )


def rename_column(table: Name, column: str, new: str) -> Code:
    """Rename a column."""
    schema = [] if table.schema == "public" else [f"schema={python_string(table.schema)}"]
    arguments = [python_string(table.name), python_string(column), f"new_column_name={python_string(new)}", *schema]
    return Code(
        call("op.alter_column", arguments),
        f"ALTER TABLE {table_sql(table)} RENAME COLUMN {identifier(column)} TO {identifier(new)};",
    )

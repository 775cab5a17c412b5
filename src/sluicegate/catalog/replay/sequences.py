"""Sequences, whether they stand alone or behind a serial or identity column."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

from sluicegate.catalog.model import Expression, Name, Relation, RelationKind, SqlType
from sluicegate.catalog.naming import choose
from sluicegate.catalog.types import builtin_type
from sluicegate.statements.nodes import unwrap, value_of
from sluicegate.statements.parse import parse_statement

if TYPE_CHECKING:
    from sluicegate.catalog.replay.draft import Draft

PERSISTENCE = {"p": "permanent", "u": "unlogged", "t": "temporary"}
"""``relpersistence`` in words."""


def create_owned_sequence(
    draft: Draft, table: Name, column: str, column_type: SqlType, *, name: Name | None = None
) -> Name:
    """Create the sequence behind a serial or identity column."""
    taken = draft.relation_name_taken(table.schema)
    name = name or Name(table.schema, choose(table.name, column, "seq", taken))
    draft.put(
        Relation(
            name,
            RelationKind.SEQUENCE,
            owned_by=(table, column),
            sequence_type=SqlType(column_type.name),
            persistence=draft.catalog.relations[table].persistence,
            created_in=draft.catalog.transaction,
        )
    )
    return name


def nextval(sequence: Name) -> Expression:
    """Return the default of a column that takes its values from a sequence."""
    quoted = str(sequence).replace("'", "''")
    statement = parse_statement(f"SELECT nextval('{quoted}'::regclass)")
    return Expression(f"nextval('{quoted}'::regclass)", statement.node.target_list[0].res_target.val)


def create_sequence(draft: Draft, node: Any) -> None:
    """Replay CREATE SEQUENCE."""
    name = draft.new_name(node.sequence)
    if node.if_not_exists and draft.relation_name_taken(name.schema)(name.name):
        return
    draft.put(
        Relation(
            name,
            RelationKind.SEQUENCE,
            sequence_type=builtin_type("int8"),
            persistence=PERSISTENCE.get(node.sequence.relpersistence, "permanent"),
            created_in=draft.catalog.transaction,
        )
    )
    change_sequence(draft, name, node.options)


def change_sequence(draft: Draft, name: Name, definitions: Any) -> None:
    """Apply the options of CREATE SEQUENCE or ALTER SEQUENCE."""
    relation = draft.catalog.relations[name]
    texts = dict(relation.sequence_options)
    for definition in definitions:
        element = unwrap(definition)
        if element.defname == "as":
            relation = replace(relation, sequence_type=draft.type(unwrap(element.arg)))
        elif element.defname == "owned_by":
            parts = str(value_of(element.arg)).split(".")
            owner = draft.relation((parts[-3] if len(parts) > 2 else None, parts[-2])) if len(parts) > 1 else None
            relation = replace(relation, owned_by=(owner.name, parts[-1]) if owner is not None else None)
        elif element.defname != "restart":
            texts[element.defname] = str(value_of(element.arg)) if element.HasField("arg") else "true"
    draft.put(replace(relation, sequence_options=texts))

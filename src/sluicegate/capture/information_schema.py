"""``information_schema`` as rows, made from the replayed catalog, for revisions that ask in SQL."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from sluicegate.capture.pg_catalog import OWNER, columns, constraints, relations, schemas
from sluicegate.catalog.model import ConstraintKind, RelationKind, SqlType
from sluicegate.catalog.types import display

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from sluicegate.catalog.model import Catalog, Constraint, Relation

Row = dict[str, Any]

DATABASE = "postgres"
_IN_TABLES = {
    RelationKind.TABLE: "BASE TABLE",
    RelationKind.PARTITIONED: "BASE TABLE",
    RelationKind.VIEW: "VIEW",
    RelationKind.FOREIGN: "FOREIGN",
}
_INTEGER_BITS = {"int2": 16, "int4": 32, "int8": 64}


def _tables(catalog: Catalog) -> Iterator[Row]:
    for relation in relations(catalog):
        if relation.kind in _IN_TABLES:
            yield {
                "table_catalog": DATABASE,
                "table_schema": relation.name.schema,
                "table_name": relation.name.name,
                "table_type": _IN_TABLES[relation.kind],
            }


def _column_rows(catalog: Catalog) -> Iterator[Row]:
    for relation, number, column in columns(catalog):
        if relation.kind not in _IN_TABLES:
            continue
        name, modifiers = column.type.name, column.type.modifiers
        user_defined = name.schema != "pg_catalog"
        shown = "ARRAY" if column.type.array else "USER-DEFINED" if user_defined else display(SqlType(name))
        text = name.name in ("varchar", "bpchar") and not column.type.array
        expression = column.default.sql if column.default else None
        numeric = modifiers if name.name == "numeric" and modifiers else ()
        yield {
            "table_catalog": DATABASE,
            "table_schema": relation.name.schema,
            "table_name": relation.name.name,
            "column_name": column.name,
            "ordinal_position": number,
            "column_default": None if column.generated else expression,
            "is_nullable": "NO" if column.not_null else "YES",
            "data_type": shown,
            "character_maximum_length": modifiers[0] if text and modifiers else None,
            "numeric_precision": numeric[0] if numeric else _INTEGER_BITS.get(name.name),
            "numeric_scale": (*numeric, 0)[1] if numeric else 0 if name.name in _INTEGER_BITS else None,
            "udt_catalog": DATABASE,
            "udt_schema": name.schema,
            "udt_name": f"_{name.name}" if column.type.array else name.name,
            "is_identity": "YES" if column.identity else "NO",
            "identity_generation": column.identity.upper() if column.identity else None,
            "is_generated": "ALWAYS" if column.generated else "NEVER",
            "generation_expression": expression if column.generated else None,
            "collation_name": column.collation.name if column.collation else None,
        }


_CONSTRAINT_TYPES = {
    ConstraintKind.CHECK: "CHECK",
    ConstraintKind.FOREIGN_KEY: "FOREIGN KEY",
    ConstraintKind.PRIMARY_KEY: "PRIMARY KEY",
    ConstraintKind.UNIQUE: "UNIQUE",
}


def _constraint_head(relation: Relation, constraint: Constraint) -> Row:
    return {
        "constraint_catalog": DATABASE,
        "constraint_schema": relation.name.schema,
        "constraint_name": constraint.name,
        "table_catalog": DATABASE,
        "table_schema": relation.name.schema,
        "table_name": relation.name.name,
    }


def _table_constraints(catalog: Catalog) -> Iterator[Row]:
    for relation, constraint in constraints(catalog):
        if constraint.kind in _CONSTRAINT_TYPES:
            yield {
                **_constraint_head(relation, constraint),
                "constraint_type": _CONSTRAINT_TYPES[constraint.kind],
                "is_deferrable": "YES" if constraint.deferrable else "NO",
                "enforced": "YES" if constraint.enforced else "NO",
            }


def _key_column_usage(catalog: Catalog) -> Iterator[Row]:
    for relation, constraint in constraints(catalog):
        if constraint.kind in _CONSTRAINT_TYPES and constraint.kind is not ConstraintKind.CHECK:
            for number, column in enumerate(constraint.columns, 1):
                yield {
                    **_constraint_head(relation, constraint),
                    "column_name": column,
                    "ordinal_position": number,
                }


def _constraint_column_usage(catalog: Catalog) -> Iterator[Row]:
    for relation, constraint in constraints(catalog):
        target = catalog.relations.get(constraint.references) if constraint.references else relation
        columns = constraint.referenced_columns if constraint.references else constraint.columns
        if constraint.kind in _CONSTRAINT_TYPES and target is not None:
            for column in columns:
                head = _constraint_head(relation, constraint)
                yield {
                    **head,
                    "table_schema": target.name.schema,
                    "table_name": target.name.name,
                    "column_name": column,
                }


def _referential_constraints(catalog: Catalog) -> Iterator[Row]:
    for relation, constraint in constraints(catalog):
        if constraint.kind is ConstraintKind.FOREIGN_KEY:
            yield {
                "constraint_catalog": DATABASE,
                "constraint_schema": relation.name.schema,
                "constraint_name": constraint.name,
                "update_rule": constraint.on_update.upper(),
                "delete_rule": constraint.on_delete.upper(),
            }


def _check_constraints(catalog: Catalog) -> Iterator[Row]:
    for relation, constraint in constraints(catalog):
        if constraint.kind is ConstraintKind.CHECK:
            yield {
                "constraint_catalog": DATABASE,
                "constraint_schema": relation.name.schema,
                "constraint_name": constraint.name,
                "check_clause": f"({constraint.expression.sql})" if constraint.expression else "",
            }


def _schemata(catalog: Catalog) -> Iterator[Row]:
    return ({"catalog_name": DATABASE, "schema_name": n, "schema_owner": OWNER} for n in schemas(catalog))


def _view_rows(catalog: Catalog) -> Iterator[Row]:
    for relation in relations(catalog, RelationKind.VIEW):
        yield {
            "table_catalog": DATABASE,
            "table_schema": relation.name.schema,
            "table_name": relation.name.name,
            "view_definition": relation.query.sql if relation.query else None,
        }


def _sequence_rows(catalog: Catalog) -> Iterator[Row]:
    for relation in relations(catalog, RelationKind.SEQUENCE):
        owner = catalog.relations.get(relation.owned_by[0]) if relation.owned_by else None
        column = owner.columns.get(relation.owned_by[1]) if owner and relation.owned_by else None
        if column is not None and column.identity:
            continue  # the view leaves out sequences of identity columns
        yield {
            "sequence_catalog": DATABASE,
            "sequence_schema": relation.name.schema,
            "sequence_name": relation.name.name,
        }


def _routines(catalog: Catalog) -> Iterator[Row]:
    for functions in catalog.functions.values():
        for function in functions:
            yield {
                "routine_catalog": DATABASE,
                "routine_schema": function.name.schema,
                "routine_name": function.name.name,
                "routine_type": function.kind.upper(),
                "routine_definition": function.body,
            }


def _triggers(catalog: Catalog) -> Iterator[Row]:
    for relation in catalog.relations.values():
        for trigger in relation.triggers.values():
            for event in trigger.events:
                yield {
                    "trigger_catalog": DATABASE,
                    "trigger_schema": relation.name.schema,
                    "trigger_name": trigger.name,
                    "event_object_schema": relation.name.schema,
                    "event_object_table": relation.name.name,
                    "event_manipulation": event.upper(),
                    "action_timing": trigger.timing.upper(),
                }


INFORMATION_SCHEMA: dict[str, Callable[[Catalog], Iterator[Row]]] = {
    "check_constraints": _check_constraints,
    "columns": _column_rows,
    "constraint_column_usage": _constraint_column_usage,
    "key_column_usage": _key_column_usage,
    "referential_constraints": _referential_constraints,
    "routines": _routines,
    "schemata": _schemata,
    "sequences": _sequence_rows,
    "table_constraints": _table_constraints,
    "tables": _tables,
    "triggers": _triggers,
    "views": _view_rows,
}
"""Views → what makes their rows."""

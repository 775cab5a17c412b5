"""``pg_catalog`` as rows, made from the replayed catalog, for revisions that ask in SQL."""

from __future__ import annotations

import functools
from typing import TYPE_CHECKING, Any

from sluicegate.capture.definitions import index_definition
from sluicegate.capture.oids import Int2Vector, Oid, oid_of
from sluicegate.catalog.builtins import builtins
from sluicegate.catalog.model import ConstraintKind, Generated, Name, RelationKind, TypeKind
from sluicegate.catalog.types import display

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from sluicegate.catalog.model import Catalog, Column, Constraint, Relation, SqlType

Row = dict[str, Any]

OWNER = "postgres"
SYSTEM_SCHEMAS = ("pg_catalog", "information_schema")
_RELKIND = {
    RelationKind.TABLE: "r",
    RelationKind.PARTITIONED: "p",
    RelationKind.VIEW: "v",
    RelationKind.MATERIALIZED_VIEW: "m",
    RelationKind.SEQUENCE: "S",
    RelationKind.COMPOSITE: "c",
    RelationKind.FOREIGN: "f",
}
_CONTYPE = {
    ConstraintKind.CHECK: "c",
    ConstraintKind.FOREIGN_KEY: "f",
    ConstraintKind.PRIMARY_KEY: "p",
    ConstraintKind.UNIQUE: "u",
    ConstraintKind.EXCLUDE: "x",
    ConstraintKind.NOT_NULL: "n",
}
_RULES = {"no action": "a", "restrict": "r", "cascade": "c", "set null": "n", "set default": "d"}
_TYPTYPE = {
    TypeKind.BASE: "b",
    TypeKind.ENUM: "e",
    TypeKind.DOMAIN: "d",
    TypeKind.COMPOSITE: "c",
    TypeKind.RANGE: "r",
}


def relations(catalog: Catalog, *kinds: RelationKind) -> Iterator[Relation]:
    return (relation for relation in catalog.relations.values() if not kinds or relation.kind in kinds)


def columns(catalog: Catalog) -> Iterator[tuple[Relation, int, Column]]:
    for relation in catalog.relations.values():
        for number, column in enumerate(relation.columns.values(), 1):
            yield relation, number, column


def constraints(catalog: Catalog) -> Iterator[tuple[Relation, Constraint]]:
    for relation in catalog.relations.values():
        for constraint in relation.constraints.values():
            yield relation, constraint


def schemas(catalog: Catalog) -> list[str]:
    return sorted({*catalog.schemas, *SYSTEM_SCHEMAS})


def _numbers(relation: Relation, names: tuple[str, ...]) -> list[int]:
    positions = {name: number for number, name in enumerate(relation.columns, 1)}
    return [positions.get(name, 0) for name in names]


def type_oid(sql_type: SqlType) -> Oid:
    """Return the number that stands for a type, arrays apart from their elements."""
    name = Name(sql_type.name.schema, f"_{sql_type.name.name}" if sql_type.array else sql_type.name.name)
    return oid_of("type", name)


def _pg_class(catalog: Catalog) -> Iterator[Row]:
    for relation in relations(catalog):
        yield {
            "oid": oid_of("relation", relation.name),
            "relname": relation.name.name,
            "relnamespace": oid_of("schema", relation.name.schema),
            "relkind": _RELKIND[relation.kind],
            "relpersistence": relation.persistence[:1],
            "relispartition": relation.bound is not None,
            "relrowsecurity": relation.row_security,
            "relforcerowsecurity": relation.force_row_security,
            "relnatts": len(relation.columns),
        }
    for index in catalog.indexes.values():
        parent = catalog.relations.get(index.table)
        partitioned = parent is not None and parent.kind is RelationKind.PARTITIONED
        yield {
            "oid": oid_of("relation", index.name),
            "relname": index.name.name,
            "relnamespace": oid_of("schema", index.name.schema),
            "relkind": "I" if partitioned else "i",
            "relpersistence": "p",
            "relispartition": index.parent is not None,
            "relam": oid_of("am", index.method),
            "relrowsecurity": False,
            "relforcerowsecurity": False,
            "relnatts": len(index.keys) + len(index.included),
        }


def _pg_namespace(catalog: Catalog) -> Iterator[Row]:
    return ({"oid": oid_of("schema", name), "nspname": name} for name in schemas(catalog))


def _pg_attribute(catalog: Catalog) -> Iterator[Row]:
    for relation, number, column in columns(catalog):
        yield {
            "attrelid": oid_of("relation", relation.name),
            "attname": column.name,
            "attnum": number,
            "attnotnull": column.not_null,
            "atttypid": type_oid(column.type),
            "atttypmod": ShownType(column.type),
            "attisdropped": False,
            "atthasdef": column.default is not None,
            "attidentity": {"always": "a", "by default": "d"}.get(column.identity or "", ""),
            "attgenerated": {Generated.STORED: "s", Generated.VIRTUAL: "v"}.get(column.generated, "")
            if column.generated
            else "",
        }


class ShownType:
    """``atttypmod`` that remembers its type: ``format_type`` needs both."""

    def __init__(self, sql_type: SqlType) -> None:
        self.shown = display(sql_type)


def _pg_type(catalog: Catalog) -> Iterator[Row]:
    seen = set()
    for user_type in catalog.types.values():
        seen.add(user_type.name)
        yield {
            "oid": oid_of("type", user_type.name),
            "typname": user_type.name.name,
            "typnamespace": oid_of("schema", user_type.name.schema),
            "typtype": _TYPTYPE[user_type.kind],
            "typnotnull": user_type.not_null,
        }
    for _, _, column in columns(catalog):
        name = column.type.name
        shown = Name(name.schema, f"_{name.name}" if column.type.array else name.name)
        if shown not in seen:
            seen.add(shown)
            yield {
                "oid": oid_of("type", shown),
                "typname": shown.name,
                "typnamespace": oid_of("schema", shown.schema),
                "typtype": "b",
                "typnotnull": False,
            }


def _pg_enum(catalog: Catalog) -> Iterator[Row]:
    for user_type in catalog.types.values():
        for order, label in enumerate(user_type.values, 1):
            yield {
                "oid": oid_of("enum", (user_type.name, label)),
                "enumtypid": oid_of("type", user_type.name),
                "enumlabel": label,
                "enumsortorder": float(order),
            }


def _pg_constraint(catalog: Catalog) -> Iterator[Row]:
    for relation, constraint in constraints(catalog):
        target = catalog.relations.get(constraint.references) if constraint.references else None
        yield {
            "oid": oid_of("constraint", (relation.name, constraint.name)),
            "conname": constraint.name,
            "connamespace": oid_of("schema", relation.name.schema),
            "contype": _CONTYPE[constraint.kind],
            "conrelid": oid_of("relation", relation.name),
            "confrelid": oid_of("relation", constraint.references) if constraint.references else Oid(0, "-"),
            "conindid": oid_of("relation", constraint.index) if constraint.index else Oid(0, "-"),
            "convalidated": constraint.validated,
            "condeferrable": constraint.deferrable,
            "conkey": _numbers(relation, constraint.columns),
            "confkey": _numbers(target, constraint.referenced_columns) if target else None,
            "confdeltype": _RULES.get(constraint.on_delete, "a"),
            "confupdtype": _RULES.get(constraint.on_update, "a"),
        }


def _pg_index(catalog: Catalog) -> Iterator[Row]:
    for index in catalog.indexes.values():
        relation = catalog.relations.get(index.table)
        names = tuple(key.column or "" for key in index.keys) + index.included
        constraint = relation.constraints.get(index.constraint or "") if relation else None
        yield {
            "indexrelid": oid_of("relation", index.name),
            "indrelid": oid_of("relation", index.table),
            "indisunique": index.unique,
            "indisprimary": constraint is not None and constraint.kind is ConstraintKind.PRIMARY_KEY,
            "indisvalid": index.valid,
            "indisready": True,
            "indislive": True,
            "indisreplident": index.replica_identity,
            "indkey": Int2Vector(_numbers(relation, names) if relation else []),
            "indnatts": len(names),
            "indnkeyatts": len(index.keys),
            "indpred": index.predicate.sql if index.predicate else None,
        }


def _pg_indexes(catalog: Catalog) -> Iterator[Row]:
    for index in catalog.indexes.values():
        yield {
            "schemaname": index.table.schema,
            "tablename": index.table.name,
            "indexname": index.name.name,
            "tablespace": index.tablespace,
            "indexdef": index_definition(index),
        }


def _pg_tables(catalog: Catalog) -> Iterator[Row]:
    for relation in relations(catalog, RelationKind.TABLE, RelationKind.PARTITIONED):
        yield {
            "schemaname": relation.name.schema,
            "tablename": relation.name.name,
            "tableowner": OWNER,
            "tablespace": relation.tablespace,
            "hasindexes": any(index.table == relation.name for index in catalog.indexes.values()),
            "hasrules": bool(relation.rules),
            "hastriggers": bool(relation.triggers),
            "rowsecurity": relation.row_security,
        }


def _pg_views(catalog: Catalog, kind: RelationKind, column: str) -> Iterator[Row]:
    for relation in relations(catalog, kind):
        query = relation.query.sql if relation.query else None
        yield {
            "schemaname": relation.name.schema,
            column: relation.name.name,
            "definition": query,
            column + "owner": OWNER,
        }


def _pg_extension(catalog: Catalog) -> Iterator[Row]:
    yield {
        "oid": oid_of("extension", "plpgsql"),
        "extname": "plpgsql",
        "extversion": "1.0",
        "extnamespace": oid_of("schema", "pg_catalog"),
    }
    for extension in catalog.extensions.values():
        if extension.name != "plpgsql":
            yield {
                "oid": oid_of("extension", extension.name),
                "extname": extension.name,
                "extversion": extension.version,
                "extnamespace": oid_of("schema", extension.schema),
            }


def _pg_proc(catalog: Catalog) -> Iterator[Row]:
    for name in builtins(catalog.version).function_names:
        if not name.startswith("@"):
            yield {
                "oid": oid_of("function", name),
                "proname": name,
                "pronamespace": oid_of("schema", "pg_catalog"),
                "prokind": "f",
            }
    for functions in catalog.functions.values():
        for number, function in enumerate(functions):
            yield {
                "oid": oid_of("function", (function.name, number)),
                "proname": function.name.name,
                "pronamespace": oid_of("schema", function.name.schema),
                "prokind": {"procedure": "p", "aggregate": "a"}.get(function.kind, "f"),
                "provolatile": function.volatility.value[0],
                "prosrc": function.body,
                "pronargs": len(function.argument_types),
            }


def _pg_trigger(catalog: Catalog) -> Iterator[Row]:
    for relation in catalog.relations.values():
        for trigger in relation.triggers.values():
            yield {
                "oid": oid_of("trigger", (relation.name, trigger.name)),
                "tgname": trigger.name,
                "tgrelid": oid_of("relation", relation.name),
                "tgisinternal": False,
                "tgenabled": trigger.enabled,
            }


def _pg_policies(catalog: Catalog) -> Iterator[Row]:
    for relation in catalog.relations.values():
        for policy in relation.policies.values():
            yield {
                "schemaname": relation.name.schema,
                "tablename": relation.name.name,
                "policyname": policy.name,
                "permissive": "PERMISSIVE" if policy.permissive else "RESTRICTIVE",
                "cmd": policy.command.upper(),
            }


def _pg_inherits(catalog: Catalog) -> Iterator[Row]:
    for relation in catalog.relations.values():
        for number, parent in enumerate(relation.parents, 1):
            yield {
                "inhrelid": oid_of("relation", relation.name),
                "inhparent": oid_of("relation", parent),
                "inhseqno": number,
            }


def _pg_am(_: Catalog) -> Iterator[Row]:
    for name in ("heap", "btree", "hash", "gist", "gin", "spgist", "brin", "hnsw", "ivfflat"):
        yield {"oid": oid_of("am", name), "amname": name, "amtype": "t" if name == "heap" else "i"}


def _pg_sequences(catalog: Catalog) -> Iterator[Row]:
    for relation in relations(catalog, RelationKind.SEQUENCE):
        yield {"schemaname": relation.name.schema, "sequencename": relation.name.name}


def _pg_publication(catalog: Catalog) -> Iterator[Row]:
    for publication in catalog.publications.values():
        yield {
            "oid": oid_of("publication", publication.name),
            "pubname": publication.name,
            "puballtables": publication.tables is None,
        }


PG_CATALOG: dict[str, Callable[[Catalog], Iterator[Row]]] = {
    "pg_am": _pg_am,
    "pg_attribute": _pg_attribute,
    "pg_class": _pg_class,
    "pg_constraint": _pg_constraint,
    "pg_enum": _pg_enum,
    "pg_extension": _pg_extension,
    "pg_index": _pg_index,
    "pg_indexes": _pg_indexes,
    "pg_inherits": _pg_inherits,
    "pg_matviews": functools.partial(_pg_views, kind=RelationKind.MATERIALIZED_VIEW, column="matviewname"),
    "pg_namespace": _pg_namespace,
    "pg_policies": _pg_policies,
    "pg_proc": _pg_proc,
    "pg_publication": _pg_publication,
    "pg_sequences": _pg_sequences,
    "pg_tables": _pg_tables,
    "pg_trigger": _pg_trigger,
    "pg_type": _pg_type,
    "pg_views": functools.partial(_pg_views, kind=RelationKind.VIEW, column="viewname"),
}
"""Tables and views → what makes their rows."""

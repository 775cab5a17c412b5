"""Reflection without a server: SQLAlchemy's Inspector reads the replayed catalog."""

# ruff: noqa: ARG002 - the signatures are SQLAlchemy's; the connection is of no use where no server is asked

from __future__ import annotations

import re
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import pgvector.sqlalchemy  # noqa: F401 - it makes its types known to reflection
from sqlalchemy import schema as schema_items
from sqlalchemy.dialects.postgresql import ARRAY, DOMAIN, ENUM, INTERVAL
from sqlalchemy.engine import default, reflection
from sqlalchemy.exc import NoSuchTableError
from sqlalchemy.types import NULLTYPE

from sluicegate.capture.oids import oid_of
from sluicegate.capture.reflected import reflected_index
from sluicegate.capture.session import session_of
from sluicegate.catalog.model import Column, ConstraintKind, Generated, Name, Relation, RelationKind, SqlType, TypeKind
from sluicegate.catalog.types import display

if TYPE_CHECKING:
    from collections.abc import Iterable

    from sluicegate.capture.recorder import Recorder
    from sluicegate.catalog.model import Catalog, Constraint, Expression, UserType

_TABLES = frozenset({RelationKind.TABLE, RelationKind.PARTITIONED})


class CatalogReflection:
    """The reflecting half of a dialect, in the shapes that SQLAlchemy's documentation of ``Inspector`` gives."""

    recorder: Recorder
    ischema_names: dict[str, Any]
    construct_arguments: list[tuple[type[Any], dict[str, Any]]]

    # The base class of all dialects builds these from the single-table methods; PGDialect's own ask the server.
    get_multi_columns: Any = default.DefaultDialect.get_multi_columns
    get_multi_pk_constraint: Any = default.DefaultDialect.get_multi_pk_constraint
    get_multi_foreign_keys: Any = default.DefaultDialect.get_multi_foreign_keys
    get_multi_indexes: Any = default.DefaultDialect.get_multi_indexes
    get_multi_unique_constraints: Any = default.DefaultDialect.get_multi_unique_constraints
    get_multi_check_constraints: Any = default.DefaultDialect.get_multi_check_constraints
    get_multi_table_options: Any = default.DefaultDialect.get_multi_table_options
    get_multi_table_comment: Any = default.DefaultDialect.get_multi_table_comment

    @property
    def catalog(self) -> Catalog:
        """The schema as it is now."""
        return self.recorder.catalog

    @property
    def search_path(self) -> tuple[str, ...]:
        """Where unqualified names are looked up."""
        return session_of(self.recorder.main.settings, in_transaction=False).search_path or ("public",)

    # -- names --------------------------------------------------------------------------------------------------

    @reflection.cache
    def has_table(self, connection: Any, table_name: str, schema: str | None = None, **_: Any) -> bool:
        relation = self._find(table_name, schema)
        return relation is not None and relation.kind not in (RelationKind.SEQUENCE, RelationKind.COMPOSITE)

    def has_multi_table(
        self, connection: Any, table_names: Iterable[str], schema: str | None = None, **kw: Any
    ) -> list[tuple[tuple[str | None, str], bool]]:
        return [((schema, name), self.has_table(connection, name, schema)) for name in table_names]

    @reflection.cache
    def has_sequence(self, connection: Any, sequence_name: str, schema: str | None = None, **_: Any) -> bool:
        relation = self._find(sequence_name, schema)
        return relation is not None and relation.kind is RelationKind.SEQUENCE

    @reflection.cache
    def has_schema(self, connection: Any, schema_name: str, **_: Any) -> bool:
        return schema_name in self.get_schema_names(connection)

    @reflection.cache
    def has_type(self, connection: Any, type_name: str, schema: str | None = None, **_: Any) -> bool:
        return any(user_type.name.name == type_name for user_type in self._types(schema))

    @reflection.cache
    def get_schema_names(self, connection: Any, **_: Any) -> list[str]:
        return sorted({*self.catalog.schemas, "information_schema"})

    @reflection.cache
    def get_table_names(self, connection: Any, schema: str | None = None, **_: Any) -> list[str]:
        return self._names(schema, _TABLES)

    @reflection.cache
    def get_temp_table_names(self, connection: Any, **_: Any) -> list[str]:
        return [relation.name.name for relation in self.catalog.relations.values() if relation.persistence[:1] == "t"]

    @reflection.cache
    def _get_foreign_table_names(self, connection: Any, schema: str | None = None, **_: Any) -> list[str]:
        return self._names(schema, {RelationKind.FOREIGN})

    @reflection.cache
    def get_view_names(self, connection: Any, schema: str | None = None, **_: Any) -> list[str]:
        return self._names(schema, {RelationKind.VIEW})

    @reflection.cache
    def get_materialized_view_names(self, connection: Any, schema: str | None = None, **_: Any) -> list[str]:
        return self._names(schema, {RelationKind.MATERIALIZED_VIEW})

    def get_temp_view_names(self, connection: Any, schema: str | None = None, **_: Any) -> list[str]:
        return []

    @reflection.cache
    def get_sequence_names(self, connection: Any, schema: str | None = None, **_: Any) -> list[str]:
        return self._names(schema, {RelationKind.SEQUENCE})

    @reflection.cache
    def get_view_definition(self, connection: Any, view_name: str, schema: str | None = None, **_: Any) -> str:
        relation = self._require(view_name, schema)
        if relation.query is None:
            raise NoSuchTableError(view_name)
        return relation.query.sql

    @reflection.cache
    def get_table_oid(self, connection: Any, table_name: str, schema: str | None = None, **_: Any) -> int:
        return int(oid_of("relation", self._require(table_name, schema).name))

    # -- one relation -------------------------------------------------------------------------------------------

    @reflection.cache
    def get_columns(
        self, connection: Any, table_name: str, schema: str | None = None, **_: Any
    ) -> list[dict[str, Any]]:
        relation = self._require(table_name, schema)
        # A partition numbers its rows by its parent's sequence, and SQLAlchemy's query finds none of its own.
        numbered = relation.bound is None
        return [self._column(column, numbered=numbered) for column in relation.columns.values()]

    @reflection.cache
    def get_pk_constraint(
        self, connection: Any, table_name: str, schema: str | None = None, **_: Any
    ) -> dict[str, Any]:
        for constraint in self._constraints(table_name, schema, ConstraintKind.PRIMARY_KEY):
            return {"constrained_columns": list(constraint.columns), "name": constraint.name, "comment": None}
        return {"constrained_columns": [], "name": None}

    @reflection.cache
    def get_foreign_keys(
        self, connection: Any, table_name: str, schema: str | None = None, **_: Any
    ) -> list[dict[str, Any]]:
        found = []
        for constraint in self._constraints(table_name, schema, ConstraintKind.FOREIGN_KEY):
            target = constraint.references or Name("", "")
            rules = {"onupdate": constraint.on_update, "ondelete": constraint.on_delete}
            options: dict[str, Any] = {key: rule.upper() for key, rule in rules.items() if rule != "no action"}
            if constraint.deferrable:
                options["deferrable"] = True
            found.append(
                {
                    "name": constraint.name,
                    "constrained_columns": list(constraint.columns),
                    "referred_schema": schema if target.schema == schema else self._shown_schema(target.schema),
                    "referred_table": target.name,
                    "referred_columns": list(constraint.referenced_columns),
                    "options": options,
                    "comment": None,
                }
            )
        return found

    @reflection.cache
    def get_indexes(
        self, connection: Any, table_name: str, schema: str | None = None, **_: Any
    ) -> list[dict[str, Any]]:
        relation = self._require(table_name, schema)
        primary = {c.index for c in relation.constraints.values() if c.kind is ConstraintKind.PRIMARY_KEY}
        indexes = [index for index in self.catalog.indexes_of(relation.name) if index.name not in primary]
        found = [reflected_index(index) for index in sorted(indexes, key=lambda index: index.name.name)]
        for entry in found:
            entry["dialect_options"] = self._accepted(schema_items.Index, entry["dialect_options"])
        return found

    @reflection.cache
    def get_unique_constraints(
        self, connection: Any, table_name: str, schema: str | None = None, **_: Any
    ) -> list[dict[str, Any]]:
        found = []
        for constraint in self._constraints(table_name, schema, ConstraintKind.UNIQUE):
            index = self.catalog.indexes.get(constraint.index) if constraint.index else None
            options: dict[str, Any] = {"postgresql_include": list(index.included) if index else []}
            if index is not None and index.nulls_not_distinct:
                options["postgresql_nulls_not_distinct"] = True
            found.append(
                {
                    "column_names": list(constraint.columns),
                    "name": constraint.name,
                    "comment": None,
                    "dialect_options": self._accepted(schema_items.UniqueConstraint, options),
                }
            )
        return found

    @reflection.cache
    def get_check_constraints(
        self, connection: Any, table_name: str, schema: str | None = None, **_: Any
    ) -> list[dict[str, Any]]:
        found = []
        for constraint in self._constraints(table_name, schema, ConstraintKind.CHECK):
            text = constraint.expression.sql if constraint.expression else ""
            entry: dict[str, Any] = {"name": constraint.name, "sqltext": text, "comment": None}
            options = {"not_valid": not constraint.validated, "no_inherit": constraint.no_inherit}
            if any(options.values()):
                entry["dialect_options"] = {key: True for key, value in options.items() if value}
            found.append(entry)
        return found

    @reflection.cache
    def get_table_comment(
        self, connection: Any, table_name: str, schema: str | None = None, **_: Any
    ) -> dict[str, Any]:
        self._require(table_name, schema)
        return {"text": None}

    @reflection.cache
    def get_table_options(
        self, connection: Any, table_name: str, schema: str | None = None, **_: Any
    ) -> dict[str, Any]:
        self._require(table_name, schema)
        return {}

    @reflection.cache
    def _load_enums(self, connection: Any, schema: str | None = None, **_: Any) -> list[dict[str, Any]]:
        return [
            {**self._type_head(user_type), "labels": list(user_type.values)}
            for user_type in self._types(schema)
            if user_type.kind is TypeKind.ENUM
        ]

    @reflection.cache
    def _load_domains(self, connection: Any, schema: str | None = None, **_: Any) -> list[dict[str, Any]]:
        return [
            {
                **self._type_head(user_type),
                "type": display(user_type.base).split("(")[0] if user_type.base else "",
                "nullable": not user_type.not_null,
                "default": user_type.default.sql if user_type.default else None,
                "constraints": [
                    {"name": check.name, "check": check.expression.sql if check.expression else ""}
                    for check in user_type.constraints.values()
                    if check.kind is ConstraintKind.CHECK
                ],
                "collation": None,
                "collation_schema": None,
            }
            for user_type in self._types(schema)
            if user_type.kind is TypeKind.DOMAIN
        ]

    def _accepted(self, construct: type[Any], options: dict[str, Any]) -> dict[str, Any]:
        """Keep the options that the construct of the installed SQLAlchemy takes."""
        known = {f"postgresql_{name}" for name in dict(self.construct_arguments).get(construct, {})}
        return {name: value for name, value in options.items() if name in known}

    # -- pieces -------------------------------------------------------------------------------------------------

    def _find(self, name: str, schema: str | None) -> Relation | None:
        return self.catalog.find_relation(schema, str(name), self.search_path)

    def _require(self, name: str, schema: str | None) -> Relation:
        relation = self._find(name, schema)
        if relation is not None:
            return relation
        shown = f"{schema}.{name}" if schema else str(name)
        if self.recorder.missing_table(shown, NoSuchTableError):
            missing = Name(schema or self.search_path[0], str(name))
            return Relation(missing, RelationKind.TABLE, self._referenced_columns(missing))
        raise NoSuchTableError(shown)

    def _referenced_columns(self, table: Name) -> dict[str, Column]:
        """Return what foreign keys to a table tell of its columns."""
        found = {}
        for relation, key in self.catalog.foreign_keys_to(table):
            for here, there in zip(key.columns, key.referenced_columns, strict=False):
                if here in relation.columns:
                    found[there] = Column(there, relation.columns[here].type, not_null=True)
        return found

    def _names(self, schema: str | None, kinds: Iterable[RelationKind]) -> list[str]:
        wanted = schema or self.search_path[0]
        relations = self.catalog.relations.values()
        return sorted(r.name.name for r in relations if r.name.schema == wanted and r.kind in kinds)

    def _constraints(self, table: str, schema: str | None, kind: ConstraintKind) -> list[Constraint]:
        constraints = self._require(table, schema).constraints.values()
        return sorted((c for c in constraints if c.kind is kind), key=lambda constraint: constraint.name)

    def _shown_schema(self, schema: str) -> str | None:
        return None if schema in self.search_path else schema

    def _types(self, schema: str | None) -> list[UserType]:
        types = sorted(self.catalog.types.values(), key=lambda user_type: user_type.name)
        if schema == "*":
            return types
        wanted = (schema,) if schema else self.search_path
        return [user_type for user_type in types if user_type.name.schema in wanted]

    def _type_head(self, user_type: UserType) -> dict[str, Any]:
        visible = user_type.name.schema in self.search_path
        return {"name": user_type.name.name, "schema": user_type.name.schema, "visible": visible}

    def _column(self, column: Column, *, numbered: bool) -> dict[str, Any]:
        sql_type = self._type(column.type)
        default_value = column.default or self._domain_default(column.type)
        expression = default_value.sql if default_value else None
        identity = column.identity if numbered else None
        counted = expression is not None and expression.startswith("nextval(")
        described: dict[str, Any] = {
            "name": column.name,
            "type": sql_type,
            "nullable": not column.not_null,
            "default": None if column.generated else expression,
            "autoincrement": counted or identity is not None,
            "comment": None,
        }
        if column.generated:
            described["computed"] = {"sqltext": expression, "persisted": column.generated is Generated.STORED}
        if identity:
            described["identity"] = {
                "always": identity == "always",
                "start": 1,
                "increment": 1,
                "minvalue": 1,
                "maxvalue": 2**63 - 1,
                "cycle": False,
                "cache": 1,
            }
        return described

    def _domain_default(self, sql_type: SqlType) -> Expression | None:
        user_type = self.catalog.types.get(sql_type.name)
        if user_type is None or user_type.kind is not TypeKind.DOMAIN or sql_type.array:
            return None
        return user_type.default or (self._domain_default(user_type.base) if user_type.base else None)

    def _type(self, sql_type: SqlType) -> Any:
        element = self._element_type(sql_type)
        return ARRAY(element) if sql_type.array and element is not NULLTYPE else element

    def _element_type(self, sql_type: SqlType) -> Any:
        user_type = self.catalog.types.get(sql_type.name)
        if user_type is not None and user_type.kind in (TypeKind.ENUM, TypeKind.DOMAIN):
            schema = self._shown_schema(user_type.name.schema)
            if user_type.kind is TypeKind.ENUM:
                return ENUM(*user_type.values, name=user_type.name.name, schema=schema)
            base = self._type(user_type.base) if user_type.base else NULLTYPE
            return DOMAIN(user_type.name.name, base, schema=schema, create_type=False)
        if sql_type.name == Name("pg_catalog", "interval"):
            shown = re.fullmatch(r"interval(?: ([a-z ]+?))?(?:\((\d+)\))?", display(replace(sql_type, array=False)))
            fields, precision = shown.groups() if shown else (None, None)
            return INTERVAL(fields=fields, precision=int(precision) if precision else None)
        word = display(SqlType(sql_type.name)).split("(")[0]
        known = self.ischema_names
        found = known.get(word.lower()) or known.get({"bpchar": "character"}.get(word, sql_type.name.name))
        if found is None:
            return NULLTYPE
        modifiers = sql_type.modifiers
        if word == "numeric" and len(modifiers) == 1:
            modifiers += (0,)
        if word.startswith(("timestamp", "time")):
            seconds = {"precision": modifiers[0]} if modifiers else {}
            return found(timezone="with time zone" in word, **seconds)
        if word == "double precision":
            return found(53)
        if word == "bit varying":
            return found(*modifiers, varying=True)
        return found(*modifiers)

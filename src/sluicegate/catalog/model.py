"""The schema as values: what PostgreSQL's catalogs would say, without a server.

Everything here is immutable; a change returns a new ``Catalog`` that shares what did not change, so "before" and
"after" a statement are two values and a rollback is a variable.
"""

from __future__ import annotations

import enum
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any

from sluicegate.catalog.routines import Extension, Function, Publication, Volatility
from sluicegate.catalog.values import Expression, Name, SqlType

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

__all__ = [
    "Catalog",
    "Column",
    "Constraint",
    "ConstraintKind",
    "Expression",
    "Extension",
    "Function",
    "Generated",
    "Index",
    "IndexKey",
    "Name",
    "Partitioning",
    "Policy",
    "Publication",
    "Relation",
    "RelationKind",
    "SqlType",
    "Trigger",
    "TypeKind",
    "UserType",
    "Volatility",
]


class RelationKind(enum.StrEnum):
    """``pg_class.relkind`` in words."""

    TABLE = "table"
    PARTITIONED = "partitioned table"
    VIEW = "view"
    MATERIALIZED_VIEW = "materialized view"
    SEQUENCE = "sequence"
    COMPOSITE = "composite type"
    FOREIGN = "foreign table"


class Generated(enum.StrEnum):
    """How a generated column is kept."""

    STORED = "stored"
    VIRTUAL = "virtual"


@dataclass(frozen=True, slots=True)
class Column:
    """A column of a relation.

    ``not_null`` is true also for an unvalidated not-null constraint (PostgreSQL 18); then ``not_null_validated`` is
    false. ``identity`` is ``always``, ``by default`` or None. ``inherited`` counts parents that also define it.
    """

    name: str
    type: SqlType
    not_null: bool = False
    not_null_validated: bool = True
    default: Expression | None = None
    generated: Generated | None = None
    identity: str | None = None
    collation: Name | None = None
    storage: str | None = None
    compression: str | None = None
    statistics_target: int | None = None
    local: bool = True
    inherited: int = 0


class ConstraintKind(enum.StrEnum):
    """``pg_constraint.contype`` in words."""

    CHECK = "check"
    FOREIGN_KEY = "foreign key"
    PRIMARY_KEY = "primary key"
    UNIQUE = "unique"
    EXCLUDE = "exclude"
    NOT_NULL = "not null"


@dataclass(frozen=True, slots=True)
class Constraint:
    """A table constraint.

    ``columns`` are the constrained columns; ``references`` and ``referenced_columns`` are set for a foreign key;
    ``index`` names the index that backs a primary key, unique or exclusion constraint.
    """

    name: str
    kind: ConstraintKind
    columns: tuple[str, ...] = ()
    expression: Expression | None = None
    references: Name | None = None
    referenced_columns: tuple[str, ...] = ()
    on_delete: str = "no action"
    on_update: str = "no action"
    validated: bool = True
    enforced: bool = True
    deferrable: bool = False
    no_inherit: bool = False
    index: Name | None = None
    without_overlaps: bool = False
    local: bool = True
    inherited: int = 0


@dataclass(frozen=True, slots=True)
class Trigger:
    """A user trigger; ``timing`` is before, after or instead of; ``enabled`` is ``pg_trigger.tgenabled``."""

    name: str
    function: Name
    timing: str
    events: tuple[str, ...]
    for_each_row: bool
    enabled: str = "O"
    update_columns: tuple[str, ...] = ()
    constraint: bool = False
    transition_tables: bool = False
    when: Expression | None = None


@dataclass(frozen=True, slots=True)
class Policy:
    """A row-level security policy."""

    name: str
    command: str = "all"
    permissive: bool = True
    using: Expression | None = None
    with_check: Expression | None = None


@dataclass(frozen=True, slots=True)
class IndexKey:
    """One key of an index: a column or an expression, with operator class and collation as written (or defaulted)."""

    column: str | None = None
    expression: Expression | None = None
    operator_class: str | None = None
    collation: Name | None = None
    descending: bool = False
    nulls_first: bool = False


@dataclass(frozen=True, slots=True)
class Index:
    """An index; ``constraint`` names the constraint that owns it, ``parent`` the partitioned index it belongs to."""

    name: Name
    table: Name
    method: str
    keys: tuple[IndexKey, ...]
    included: tuple[str, ...] = ()
    unique: bool = False
    predicate: Expression | None = None
    valid: bool = True
    constraint: str | None = None
    parent: Name | None = None
    options: Mapping[str, str] = field(default_factory=dict)
    nulls_not_distinct: bool = False
    tablespace: str | None = None
    replica_identity: bool = False
    clustered: bool = False
    created_in: int = 0


@dataclass(frozen=True, slots=True)
class Partitioning:
    """How a partitioned table is split: ``range``, ``list`` or ``hash`` over columns (None for an expression)."""

    strategy: str
    columns: tuple[str | None, ...]
    expressions: tuple[Expression, ...] = ()


@dataclass(frozen=True, slots=True)
class Relation:
    """A table, view, sequence or another thing that has a row in ``pg_class`` (indexes are apart).

    Attributes:
        columns: by name, in order.
        rule_columns: the columns that each rule uses through OLD and NEW.
        rule_reads: the relations that each rule's actions read or write, itself apart.
        statistics_columns: the columns that each extended statistics object is about.
        parents: inheritance parents (for a partition: exactly its partitioned table).
        bound: a partition's bound, deparsed (``DEFAULT``, ``FOR VALUES …``); None when it is no partition.
        bound_node: the parse tree of ``bound``.
        reads: relations that a view or materialized view reads, with the columns it uses where known (None: all).
        query: a view's or materialized view's query.
        owned_by: for a sequence, the owning table and column.
        populated: for a materialized view; None when not known (a schema dump never says).
        rows: how many rows it holds, where known (sizes from a snapshot; 0 for a table made in this history's
            current transaction and not written since).
        created_in: the number of the transaction that created it, 0 if it was there before.
        owner: the role that a statement made its owner; None when no statement says.
    """

    name: Name
    kind: RelationKind
    columns: Mapping[str, Column] = field(default_factory=dict)
    constraints: Mapping[str, Constraint] = field(default_factory=dict)
    triggers: Mapping[str, Trigger] = field(default_factory=dict)
    policies: Mapping[str, Policy] = field(default_factory=dict)
    rules: frozenset[str] = frozenset()
    rule_columns: Mapping[str, frozenset[str]] = field(default_factory=dict)
    rule_reads: Mapping[str, frozenset[Name]] = field(default_factory=dict)
    parents: tuple[Name, ...] = ()
    partitioning: Partitioning | None = None
    bound: str | None = None
    bound_node: Any = field(default=None, compare=False, repr=False)
    query: Expression | None = None
    reads: Mapping[Name, frozenset[str] | None] = field(default_factory=dict)
    persistence: str = "permanent"
    access_method: str | None = None
    tablespace: str | None = None
    options: Mapping[str, str] = field(default_factory=dict)
    row_security: bool = False
    force_row_security: bool = False
    replica_identity: str = "default"
    owned_by: tuple[Name, str] | None = None
    of_type: Name | None = None
    sequence_type: SqlType | None = None
    sequence_options: Mapping[str, str] = field(default_factory=dict)
    statistics: frozenset[str] = frozenset()
    statistics_columns: Mapping[str, frozenset[str]] = field(default_factory=dict)
    populated: bool | None = True
    rows: int | None = None
    created_in: int = 0
    owner: str | None = None


class TypeKind(enum.StrEnum):
    """``pg_type.typtype`` in words."""

    BASE = "base"
    ENUM = "enum"
    DOMAIN = "domain"
    COMPOSITE = "composite"
    RANGE = "range"


@dataclass(frozen=True, slots=True)
class UserType:
    """A type that a migration or an extension created.

    ``values`` are an enum's labels, ``added_in`` maps a label to the transaction that added it;
    ``base``, ``not_null``, ``constraints`` and ``default`` belong to a domain; ``subtype`` to a range or multirange,
    and ``multirange`` to the range it was created with.
    """

    name: Name
    kind: TypeKind
    values: tuple[str, ...] = ()
    added_in: Mapping[str, int] = field(default_factory=dict)
    base: SqlType | None = None
    not_null: bool = False
    default: Expression | None = None
    constraints: Mapping[str, Constraint] = field(default_factory=dict)
    subtype: SqlType | None = None
    multirange: Name | None = None
    extension: str | None = None
    created_in: int = 0


@dataclass(frozen=True, slots=True)
class Catalog:
    """A database's schema.

    Attributes:
        complete: True when everything in the database is in here, so that an absent name is an error of the
            statement; False for a bare SQL file without a schema, where absence means "not known".
        transaction: the number of the transaction in progress, compared with ``created_in`` and ``added_in``.
        others: objects of kinds that have no values of their own here, as (kind, name): ``("server", "archive")``.
        version: the server's major version; it decides what a replayed statement leaves in the catalogs (not-null
            constraints have rows and names from 18 on).
        mentioned: what statements said of tables that are not in here, while it is not complete: checks and policies,
            no columns.
    """

    schemas: frozenset[str] = frozenset({"public"})
    relations: Mapping[Name, Relation] = field(default_factory=dict)
    indexes: Mapping[Name, Index] = field(default_factory=dict)
    types: Mapping[Name, UserType] = field(default_factory=dict)
    functions: Mapping[Name, tuple[Function, ...]] = field(default_factory=dict)
    extensions: Mapping[str, Extension] = field(default_factory=dict)
    publications: Mapping[str, Publication] = field(default_factory=dict)
    complete: bool = True
    transaction: int = 0
    version: int = 18
    others: frozenset[tuple[str, str]] = frozenset()
    mentioned: Mapping[Name, Relation] = field(default_factory=dict)

    # -- questions ----------------------------------------------------------------------------------------------

    def find_relation(
        self, schema: str | None, name: str, search_path: tuple[str, ...] = ("public",)
    ) -> Relation | None:
        """Return the relation that a name means, looked up through the search path when it has no schema."""
        for candidate in (schema,) if schema else search_path:
            relation = self.relations.get(Name(candidate, name))
            if relation is not None:
                return relation
        return None

    def find_index(self, schema: str | None, name: str, search_path: tuple[str, ...] = ("public",)) -> Index | None:
        """Return the index that a name means, looked up through the search path when it has no schema."""
        for candidate in (schema,) if schema else search_path:
            index = self.indexes.get(Name(candidate, name))
            if index is not None:
                return index
        return None

    def indexes_of(self, table: Name) -> tuple[Index, ...]:
        """Return the table's own indexes, in order of creation."""
        return tuple(index for index in self.indexes.values() if index.table == table)

    def children_of(self, table: Name) -> tuple[Relation, ...]:
        """Return direct inheritance children and partitions."""
        return tuple(relation for relation in self.relations.values() if table in relation.parents)

    def descendants_of(self, table: Name) -> tuple[Relation, ...]:
        """Return children and partitions at every depth, without the table itself."""
        found: dict[Name, Relation] = {}
        pending = [table]
        while pending:
            for child in self.children_of(pending.pop()):
                if child.name not in found:
                    found[child.name] = child
                    pending.append(child.name)
        return tuple(found.values())

    def foreign_keys_to(self, table: Name) -> Iterator[tuple[Relation, Constraint]]:
        """Yield each foreign key that references the table, with the table that holds it."""
        for relation in self.relations.values():
            for constraint in relation.constraints.values():
                if constraint.kind is ConstraintKind.FOREIGN_KEY and constraint.references == table:
                    yield relation, constraint

    def views_on(self, table: Name, column: str | None = None) -> tuple[Relation, ...]:
        """Return views and materialized views that read the table (and the column, where one is given)."""
        found = []
        for relation in self.relations.values():
            if table not in relation.reads:
                continue
            columns = relation.reads[table]
            if column is None or columns is None or column in columns:
                found.append(relation)
        return tuple(found)

    # -- changes: each returns a new catalog --------------------------------------------------------------------

    def with_relation(self, relation: Relation) -> Catalog:
        """Add or replace a relation."""
        return replace(self, relations={**self.relations, relation.name: relation})

    def without_relation(self, name: Name) -> Catalog:
        """Remove a relation and its indexes."""
        return replace(
            self,
            relations={key: value for key, value in self.relations.items() if key != name},
            indexes={key: value for key, value in self.indexes.items() if value.table != name},
        )

    def with_index(self, index: Index) -> Catalog:
        """Add or replace an index."""
        return replace(self, indexes={**self.indexes, index.name: index})

    def without_index(self, name: Name) -> Catalog:
        """Remove an index."""
        return replace(self, indexes={key: value for key, value in self.indexes.items() if key != name})

    def with_type(self, user_type: UserType) -> Catalog:
        """Add or replace a type."""
        return replace(self, types={**self.types, user_type.name: user_type})

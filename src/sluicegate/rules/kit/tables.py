"""The first half of a rule's questions: what a statement's names mean, and who uses the tables behind them."""

from __future__ import annotations

import copy
from typing import TYPE_CHECKING, Any, Self

from sluicegate.catalog.model import Name, Relation, RelationKind
from sluicegate.rules.kit.spelling import qualified_identifier
from sluicegate.rules.kit.vectors import written_type, written_vector_type
from sluicegate.rules.kit.words import sized

if TYPE_CHECKING:
    from collections.abc import Mapping

    from sluicegate.catalog.model import Catalog, Column, Index, SqlType
    from sluicegate.effects.model import Effects
    from sluicegate.rules.kit.revision import RevisionContext
    from sluicegate.rules.kit.step import Step
    from sluicegate.settings.policy import Policy
    from sluicegate.snapshot.facts import Size


class Tables:
    """A statement in its revision: the names in it, and what is known of the tables behind them."""

    def __init__(self, step: Step, revision: RevisionContext) -> None:
        """Ask about ``step`` of ``revision``."""
        if step.statement is None:
            raise ValueError("a statement that does not parse has no context")
        self.step = step
        self.revision = revision
        self.statement = step.statement
        self.node: Any = step.statement.node
        self.kind = step.statement.kind
        self._options: Mapping[str, Any] = {}

    def with_options(self, options: Mapping[str, Any]) -> Self:
        """Return the same questions under a rule's options; what was computed is shared."""
        other = copy.copy(self)
        other._options = options  # noqa: SLF001 - a copy of ourselves
        return other

    def option(self, name: str) -> Any:
        """Return what the policy says about an option that the rule declares."""
        return self._options[name]

    # -- what is given --------------------------------------------------------------------------------------------

    @property
    def policy(self) -> Policy:
        """Return the team's decisions."""
        return self.revision.policy

    @property
    def version(self) -> int:
        """Return the server's major version."""
        return self.revision.version

    @property
    def effects(self) -> Effects:
        """Return what the statement does."""
        return self.step.effects

    @property
    def before(self) -> Catalog:
        """Return the schema before the statement."""
        return self.step.before

    @property
    def after(self) -> Catalog:
        """Return the schema after the statement."""
        return self.step.after

    # -- names ----------------------------------------------------------------------------------------------------

    def name_of(self, range_var: Any) -> Name:
        """Return the qualified name that a ``RangeVar`` means."""
        return self.lookup(range_var.schemaname or None, range_var.relname)

    def lookup(self, schema: str | None, name: str) -> Name:
        """Return the qualified name of a relation or index; an unknown bare name is in the first schema of the path."""
        path = self.step.session.search_path or ("public",)
        everywhere = ("pg_temp", *path)
        found: Relation | Index | None = self.before.find_relation(schema, name, everywhere)
        found = found or self.before.find_index(schema, name, everywhere)
        return found.name if found else Name(schema or path[0], name)

    def relation(self, name: Name) -> Relation | None:
        """Return the relation as it is before the statement, or None when it is not known."""
        return self.before.relations.get(name)

    def column(self, table: Name, name: str) -> Column | None:
        """Return a column as it is before the statement, or None when it is not known."""
        relation = self.relation(table)
        return relation.columns.get(name) if relation else None

    def vector_type(self, table: Name, column: str) -> str:
        """Return a vector column's type as it is written, such as ``vector(1536)``; empty for any other column."""
        found = self.column(table, column)
        return written_vector_type(found.type) if found else ""

    def type_of(self, table: Name, column: str) -> str:
        """Return a column's type as it is written, such as ``varchar(50)``; empty when it is not known."""
        found = self.column(table, column)
        return written_type(found.type) if found else ""

    def is_absent(self, table: Name, column: str) -> bool:
        """Tell whether a column is known not to exist, so that IF EXISTS skips it."""
        relation = self.relation(table)
        return relation is not None and column not in relation.columns and self.before.complete

    def new_index_name(self, table: Name) -> str | None:
        """Return the name that the server gives to an index without one."""
        known = {index.name for index in self.before.indexes_of(table)}
        return next((index.name.name for index in self.after.indexes_of(table) if index.name not in known), None)

    def indexes_on(self, table: Name, column: str) -> tuple[Index, ...]:
        """Return the indexes that have the column among their keys, before the statement."""
        return tuple(i for i in self.before.indexes_of(table) if any(key.column == column for key in i.keys))

    def spelled(self, name: Name) -> str:
        """Return a name as a reader knows it: without ``public``, quoted where SQL needs it."""
        return qualified_identifier(None if name.schema == "public" else name.schema, name.name)

    def described(self, name: Name) -> str:
        """Return a table's name with its size, where that is known."""
        rows = self.rows(name)
        return self.spelled(name) + (f" (about {sized(rows, self.bytes(name))})" if rows else "")

    # -- whom it may hurt -----------------------------------------------------------------------------------------

    def is_new(self, name: Name) -> bool:
        """Tell whether this revision created it: nobody else uses it yet, so nobody waits for it."""
        return name in self.step.new

    def is_exempt(self, name: Name) -> bool:
        """Tell whether the policy says that nobody waits for it."""
        return str(name) in self.policy.exempt

    def is_append_only(self, name: Name) -> bool:
        """Tell whether the policy says that its rows are inserted and never changed."""
        return str(name) in self.policy.append_only

    def rows(self, name: Name) -> int | None:
        """Return how many rows it holds in production, where that is known."""
        return self.revision.rows.get(str(name))

    def size(self, name: Name) -> Size | None:
        """Return what production's snapshot says of its size, or None."""
        return self.revision.sizes.get(str(name))

    def bytes(self, name: Name) -> int | None:
        """Return the bytes of its rows, also of what they keep out of line, where a snapshot knows them."""
        size = self.size(name)
        return size.data if size is not None else None

    def is_small(self, name: Name) -> bool:
        """Tell whether it is known to be so small that reading or writing all of it takes no time."""
        rows, size = self.rows(name), self.bytes(name)
        return rows is not None and rows <= self.policy.small_rows and (size or 0) <= self.policy.small_bytes

    def in_use(self, name: Name) -> bool:
        """Tell whether others use it while this revision runs."""
        return not self.is_new(name) and not self.is_exempt(name) and name.schema != "pg_temp"

    def in_use_and_large(self, name: Name) -> bool:
        """Tell whether reading or writing all of it keeps others waiting."""
        return self.in_use(name) and not self.is_small(name)

    def is_vector(self, column_type: SqlType) -> bool:
        """Tell whether a type is one of pgvector's."""
        return bool(written_vector_type(column_type))

    def is_table(self, name: Name) -> bool:
        """Tell whether it is a table of some kind, or not known."""
        relation = self.relation(name)
        kinds = (RelationKind.TABLE, RelationKind.PARTITIONED, RelationKind.MATERIALIZED_VIEW)
        return relation is None or relation.kind in kinds

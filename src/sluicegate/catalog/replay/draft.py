"""A catalog under change: one statement's (or a whole script's) changes gathered before they become a value again."""

from __future__ import annotations

from collections import Counter
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from sluicegate.catalog.model import Expression, Name
from sluicegate.catalog.types import find_type, type_or_placeholder
from sluicegate.statements.nodes import deparse, qualified

if TYPE_CHECKING:
    from collections.abc import Iterator

    from sluicegate.catalog.model import (
        Catalog,
        Column,
        Constraint,
        Extension,
        Function,
        Index,
        Publication,
        Relation,
        SqlType,
        UserType,
    )
    from sluicegate.catalog.session import Session

TEMPORARY = "pg_temp"
"""The schema that stands for the session's own temporary one."""

_FEW = 4  # questions of one statement; counting all names pays for those of a script


class Draft:
    """A catalog whose mappings are copied once, at the first change of each, and then changed in place.

    Questions go to ``draft.catalog``, which always shows the state after the changes so far.
    """

    def __init__(self, catalog: Catalog, session: Session) -> None:
        self.catalog = catalog
        self.session = session
        self._owned: set[str] = set()
        self._constraint_names: Counter[Name] | None = None
        self._asked = 0

    def _own(self, field: str) -> Any:
        if field not in self._owned:
            changes: dict[str, Any] = {field: dict(getattr(self.catalog, field))}
            self.catalog = replace(self.catalog, **changes)
            self._owned.add(field)
        return getattr(self.catalog, field)

    # -- names ---------------------------------------------------------------------------------------------------

    @property
    def search_path(self) -> tuple[str, ...]:
        """Return the schemas of an unqualified name, temporary ones first."""
        return (TEMPORARY, *self.session.search_path)

    @property
    def creation_schema(self) -> str:
        """Return the schema that an unqualified new object lands in."""
        for schema in self.session.search_path:
            if schema in self.catalog.schemas or not self.catalog.complete:
                return schema
        return "public"

    def new_name(self, name: Any) -> Name:
        """Return the full name of an object about to be created (``RangeVar`` or a list of names)."""
        schema, base = qualified(name)
        temporary = schema.startswith("pg_temp") if schema else getattr(name, "relpersistence", "p") == "t"
        if temporary:
            schema = TEMPORARY
        return Name(schema or self.creation_schema, base)

    def relation(self, name: Any) -> Relation | None:
        """Return the relation that a name means, or None."""
        schema, base = name if isinstance(name, tuple) else qualified(name)
        return self.catalog.find_relation(schema, base, self.search_path)

    def index(self, name: Any) -> Index | None:
        """Return the index that a name means, or None."""
        schema, base = name if isinstance(name, tuple) else qualified(name)
        return self.catalog.find_index(schema, base, self.search_path)

    def user_type(self, name: Any) -> UserType | None:
        """Return the user's type that a name means, or None."""
        schema, base = name if isinstance(name, tuple) else qualified(name)
        for candidate in (schema,) if schema else self.search_path:
            found = self.catalog.types.get(Name(candidate, base))
            if found is not None:
                return found
        return None

    def functions(self, name: Any) -> tuple[Name, tuple[Function, ...]]:
        """Return the first schema's functions of a name, with their full name; none gives an empty tuple."""
        schema, base = name if isinstance(name, tuple) else qualified(name)
        for candidate in (schema,) if schema else self.search_path:
            full = Name(candidate, base)
            if self.catalog.functions.get(full):
                return full, self.catalog.functions[full]
        return Name(schema or self.creation_schema, base), ()

    def find_type(self, type_name: Any) -> SqlType | None:
        """Return the type that a ``TypeName`` means, or None."""
        return find_type(type_name, self.catalog, self.search_path)

    def type(self, type_name: Any) -> SqlType:
        """Return the type that a ``TypeName`` means; one that is not known keeps its name."""
        return type_or_placeholder(type_name, self.catalog, self.search_path)

    def relation_name_taken(self, schema: str) -> Any:
        """Return a test whether a name is used by a relation or an index of a schema."""
        catalog = self.catalog
        return lambda name: Name(schema, name) in catalog.relations or Name(schema, name) in catalog.indexes

    def constraint_name_taken(self, schema: str) -> Any:
        """Return a test whether a name is used by a constraint of any relation or domain in a schema."""
        if self._constraint_names is None and self._asked < _FEW:
            self._asked += 1
            return lambda name: any(
                name in owner.constraints and owner.name.schema == schema
                for owners in (self.catalog.relations, self.catalog.types)
                for owner in owners.values()
            )
        if self._constraint_names is None:
            self._constraint_names = Counter()
            for relation in self.catalog.relations.values():
                self._count_constraints(relation, 1)
            for user_type in self.catalog.types.values():
                self._count_constraints(user_type, 1)
        names = self._constraint_names
        return lambda name: names[Name(schema, name)] > 0

    def _count_constraints(self, owner: Relation | UserType | None, change: int) -> None:
        # A dump names thousands of constraints; looking at every table for each would take minutes.
        if self._constraint_names is not None and owner is not None:
            for name in owner.constraints:
                self._constraint_names[Name(owner.name.schema, name)] += change

    def expression(self, node: Any) -> Expression:
        """Return an expression with its text."""
        return Expression(deparse(node), node)

    # -- changes -------------------------------------------------------------------------------------------------

    def put(self, relation: Relation) -> Relation:
        """Add or replace a relation."""
        relations = self._own("relations")
        self._count_constraints(relations.get(relation.name), -1)
        self._count_constraints(relation, 1)
        relations[relation.name] = relation
        return relation

    def alter(self, name: Name, **changes: Any) -> Relation:
        """Change fields of a relation that exists."""
        return self.put(replace(self.catalog.relations[name], **changes))

    def alter_column(self, table: Name, column: str, **changes: Any) -> None:
        """Change fields of a column, if the table has it."""
        relation = self.catalog.relations[table]
        found = relation.columns.get(column)
        if found is not None:
            self.put(replace(relation, columns={**relation.columns, column: replace(found, **changes)}))

    def put_column(self, table: Name, column: Column) -> None:
        """Add or replace a column."""
        relation = self.catalog.relations[table]
        self.put(replace(relation, columns={**relation.columns, column.name: column}))

    def put_constraint(self, table: Name, constraint: Constraint) -> None:
        """Add or replace a constraint."""
        relation = self.catalog.relations[table]
        self.put(replace(relation, constraints={**relation.constraints, constraint.name: constraint}))

    def drop_constraint(self, table: Name, name: str) -> None:
        """Remove a constraint, if the table has it; what hangs on it is the caller's."""
        relation = self.catalog.relations.get(table)
        if relation is not None and name in relation.constraints:
            rest = {key: value for key, value in relation.constraints.items() if key != name}
            self.put(replace(relation, constraints=rest))

    def remove(self, name: Name) -> None:
        """Remove a relation and its indexes, nothing else."""
        self._count_constraints(self._own("relations").pop(name, None), -1)
        for index in self.catalog.indexes_of(name):
            self.remove_index(index.name)

    def put_index(self, index: Index) -> Index:
        """Add or replace an index."""
        self._own("indexes")[index.name] = index
        return index

    def alter_index(self, name: Name, **changes: Any) -> None:
        """Change fields of an index that exists."""
        self.put_index(replace(self.catalog.indexes[name], **changes))

    def rename_index(self, old: Name, index: Index) -> Index:
        """Put an index in the place of the one that had the old name: indexes stay in order of creation."""
        indexes = self._own("indexes")
        kept = {index.name if name == old else name: index if name == old else own for name, own in indexes.items()}
        indexes.clear()
        indexes.update(kept)
        return index

    def remove_index(self, name: Name) -> None:
        """Remove an index, if it exists."""
        self._own("indexes").pop(name, None)

    def put_type(self, user_type: UserType) -> None:
        """Add or replace a type."""
        types = self._own("types")
        self._count_constraints(types.get(user_type.name), -1)
        self._count_constraints(user_type, 1)
        types[user_type.name] = user_type

    def remove_type(self, name: Name) -> None:
        """Remove a type, if it exists."""
        self._count_constraints(self._own("types").pop(name, None), -1)

    def put_function(self, function: Function) -> None:
        """Add a function, replacing the one with the same arguments."""
        functions = self._own("functions")
        kept = tuple(f for f in functions.get(function.name, ()) if f.argument_types != function.argument_types)
        functions[function.name] = (*kept, function)

    def remove_function(self, function: Function) -> None:
        """Remove a function."""
        functions = self._own("functions")
        rest = tuple(found for found in functions.get(function.name, ()) if found != function)
        functions[function.name] = rest
        if not rest:
            del functions[function.name]

    def put_extension(self, extension: Extension) -> None:
        """Add or replace an extension."""
        self._own("extensions")[extension.name] = extension

    def remove_extension(self, name: str) -> None:
        """Remove an extension, if it exists."""
        self._own("extensions").pop(name, None)

    def put_publication(self, publication: Publication) -> None:
        """Add or replace a publication."""
        self._own("publications")[publication.name] = publication

    def remove_publication(self, name: str) -> None:
        """Remove a publication, if it exists."""
        self._own("publications").pop(name, None)

    def put_schema(self, name: str) -> None:
        """Add a schema."""
        self.catalog = replace(self.catalog, schemas=self.catalog.schemas | {name})

    def remove_schema(self, name: str) -> None:
        """Remove a schema, nothing in it."""
        self.catalog = replace(self.catalog, schemas=self.catalog.schemas - {name})

    # -- trees of tables -----------------------------------------------------------------------------------------

    def family(self, name: Name) -> Iterator[Name]:
        """Yield a table and everything below it."""
        yield name
        for relation in self.catalog.descendants_of(name):
            yield relation.name

"""The names a query can use at each of its levels: FROM lists inside FROM lists, and how a column reference resolves.

Source: ``colNameToVar``, ``refnameNamespaceItem`` and their errors in PostgreSQL's parser/parse_relation.c.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from sluicegate.catalog.expressions import Invalid
from sluicegate.catalog.model import RelationKind, SqlType
from sluicegate.catalog.types import builtin_type

if TYPE_CHECKING:
    from sluicegate.catalog.expressions import Notes
    from sluicegate.catalog.model import Relation

OutputColumns = list[tuple[str, SqlType | None]]
"""A query's output: names in order, with types where known; names may repeat."""


class CteColumns(list[tuple[str, SqlType | None]]):
    """The output of a WITH query, which knows whether the statement uses it."""

    used = False


_SYSTEM = {"tableoid": "oid", "ctid": "tid", "xmin": "xid", "xmax": "xid", "cmin": "cid", "cmax": "cid"}


@dataclass
class Source:
    """One entry of a FROM list.

    Attributes:
        name: its alias, or the relation's own name.
        columns: its columns in order.
        relation: the table or view behind it, if it is one.
        schema: the schema by which it may be qualified; None once it has an alias.
        open: True when it may have columns that are not listed.
        merged: columns that a USING clause joined with an earlier entry's, so that they count once.
        visible: False where a join's alias hides it.
    """

    name: str
    columns: OutputColumns
    relation: Relation | None = None
    schema: str | None = None
    open: bool = False
    merged: set[str] = field(default_factory=set)
    visible: bool = True

    def answers(self, parts: tuple[str, ...]) -> bool:
        """Tell whether this is what stands before the last part of a column reference."""
        if self.name != parts[-2]:
            return False
        return len(parts) < 3 or self.schema == parts[-3]

    def find(self, column: str) -> list[SqlType | None]:
        """Return the types of the columns of a name."""
        return [sql_type for name, sql_type in self.columns if name == column]


@dataclass
class Scope:
    """The FROM list of one level of a query.

    ``parameters`` are names that are found last, such as an SQL function's arguments; ``lenient`` says that any name
    that is not found may be a variable.
    """

    sources: list[Source] = field(default_factory=list)
    outer: Scope | None = None
    parameters: dict[str, SqlType | None] = field(default_factory=dict)
    lenient: bool = False

    def resolve(self, parts: tuple[str, ...], notes: Notes) -> SqlType | None:
        """Return the type of what a column reference means; None when it is not known.

        Raises:
            Invalid: there is no such column (42703), no such table (42P01), or more than one (42702).
        """
        if len(parts) == 1:
            return self._unqualified(parts[0], notes)
        return self._qualified(parts, notes)

    def _unqualified(self, name: str, notes: Notes) -> SqlType | None:
        level: Scope | None = self
        unsure = False
        while level is not None:
            found = [
                (source, sql_type)
                for source in level.sources
                if source.visible
                for sql_type in source.find(name)
                if not (name in source.merged and source is not level.first_with(name))
            ]
            if len(found) > 1:
                raise Invalid("42702", f'column reference "{name}" is ambiguous')
            if found:
                notes.columns[name] = None
                return found[0][1]
            unsure = unsure or any(source.open for source in level.sources)
            if name in level.parameters:
                return level.parameters[name]
            for source in level.sources:
                if source.relation is not None and name in _SYSTEM and source.relation.kind in _HAVE_SYSTEM:
                    return builtin_type(_SYSTEM[name])
            for source in level.sources:
                if source.name == name:  # the whole row
                    return SqlType(source.relation.name) if source.relation is not None else builtin_type("record")
            if level.lenient:
                return None
            level = level.outer
        if unsure:
            notes.unknown(f"the column {name} is not in the schema that was given")
            return None
        raise Invalid("42703", f'column "{name}" does not exist')

    def _qualified(self, parts: tuple[str, ...], notes: Notes) -> SqlType | None:
        level: Scope | None = self
        hidden = False
        while level is not None:
            for source in level.sources:
                if not source.answers(parts):
                    hidden = hidden or (source.relation is not None and source.relation.name.name == parts[-2])
                    continue
                types = source.find(parts[-1])
                if types:
                    notes.columns[parts[-1]] = None
                    return types[0]
                if source.open:
                    return None
                if parts[-1] in _SYSTEM and source.relation is not None:
                    return builtin_type(_SYSTEM[parts[-1]])
                raise Invalid("42703", f"column {'.'.join(parts)} does not exist")
            if parts[0] in level.parameters:
                return None
            for source in level.sources:
                if source.find(parts[0]):  # a field of a composite column
                    return None
            if level.lenient:
                return None
            level = level.outer
        if hidden:
            raise Invalid("42P01", f'invalid reference to FROM-clause entry for table "{parts[-2]}"')
        raise Invalid("42P01", f'missing FROM-clause entry for table "{parts[-2]}"')

    def first_with(self, column: str) -> Source | None:
        """Return the first entry that has a column."""
        return next((source for source in self.sources if source.find(column)), None)


_HAVE_SYSTEM = {RelationKind.TABLE, RelationKind.PARTITIONED, RelationKind.MATERIALIZED_VIEW, RelationKind.SEQUENCE}


def aliased(columns: OutputColumns, aliases: tuple[str, ...]) -> OutputColumns:
    """Return columns under the names that an alias gives them.

    Raises:
        Invalid: there are more names than columns (42P10).
    """
    if len(aliases) > len(columns) > 0:
        raise Invalid("42P10", f"table has {len(columns)} columns available but {len(aliases)} columns specified")
    return [(aliases[n] if n < len(aliases) else name, found) for n, (name, found) in enumerate(columns)]


def star(qualifier: tuple[str, ...], scope: Scope) -> OutputColumns:
    """Return the columns that ``*`` or ``name.*`` stands for.

    Raises:
        Invalid: there is nothing to take them from.
    """
    if not scope.sources:
        raise Invalid("42601", "SELECT * with no tables specified is not valid")
    columns: OutputColumns = []
    merged: set[str] = set()
    matched = False
    for source in scope.sources:
        if (not source.visible and not qualifier) or (qualifier and source.name != qualifier[-1]):
            continue
        matched = True
        for name, sql_type in source.columns:
            if name in source.merged and not qualifier:
                if name in merged:
                    continue
                merged.add(name)
            columns.append((name, sql_type))
    if not matched:
        raise Invalid("42P01", f'missing FROM-clause entry for table "{qualifier[-1]}"')
    return columns


def check_aliases(sources: list[Source]) -> None:
    """Refuse a FROM list in which a name stands twice.

    Raises:
        Invalid: it does (42712).
    """
    seen: set[tuple[str, str | None]] = set()
    for source in sources:
        key = (source.name, source.schema)
        if source.name and key in seen:
            raise Invalid("42712", f'table name "{source.name}" specified more than once')
        seen.add(key)

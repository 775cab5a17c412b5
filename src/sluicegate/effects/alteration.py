"""One ALTER TABLE while it is worked out: the schema as its actions change it, and what is left to do to each table.

The server examines all actions, then changes the catalogs pass by pass, and only then reads or rewrites tables, once
each (PostgreSQL's tablecmds.c: ATController, ATRewriteTables). The same order gives the same answers here.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, NoReturn

from postgast import pg_query_pb2 as pg

from sluicegate.catalog.model import Name, Relation, RelationKind
from sluicegate.catalog.replay.apply import step
from sluicegate.catalog.replay.draft import Draft
from sluicegate.effects.composite_types import column_using_row_type
from sluicegate.effects.context import Refused
from sluicegate.effects.model import LockMode

if TYPE_CHECKING:
    from collections.abc import Iterator

    from sluicegate.catalog.model import Catalog, Column
    from sluicegate.effects.context import Builder, Context

_AX = LockMode.AccessExclusiveLock

SYSTEM_COLUMNS = frozenset({"tableoid", "cmax", "xmax", "cmin", "xmin", "ctid"})
"""Columns that every table has (PostgreSQL 18 manual, 5.6)."""


@dataclass(slots=True)
class TableWork:
    """What the last phase has to do to one table.

    Attributes:
        rewrite: why its file is written anew, nothing if it is not.
        verify: why its rows are read.
        build: why it gets new index files.
        copy: whether its file, and only its file, moves to another place.
        new_values: whether a column gets values computed anew, even without a rewrite.
        foreign_keys: names of the foreign keys whose rows are checked.
        retyped: columns whose type has changed, as they were.
    """

    rewrite: list[str] = field(default_factory=list)
    verify: list[str] = field(default_factory=list)
    build: list[str] = field(default_factory=list)
    copy: bool = False
    new_values: bool = False
    foreign_keys: list[str] = field(default_factory=list)
    retyped: dict[str, Column] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Command:
    """One action as it runs: its tree, and the table as the statement names it or as recursion reached it."""

    node: Any
    table: Name
    recursing: bool = False


class Alteration:
    """The state of one statement; ``target`` is the table it names, ``recurse`` is False under ONLY."""

    def __init__(self, context: Context, target: Relation, lock: LockMode, *, recurse: bool) -> None:
        self.context = context
        self.target = target.name
        self.recurse = recurse
        self.lock = lock
        self.before: Catalog = context.catalog
        self.draft = Draft(context.catalog, context.session)
        self.tables: dict[Name, TableWork] = {}
        self.queue: list[tuple[int, Command]] = []
        self.persistence_changed = self.tablespace_changed = self.access_method_changed = False

    @property
    def builder(self) -> Builder:
        """Return where effects are noted."""
        return self.context.builder

    @property
    def version(self) -> int:
        """Return the server's major version."""
        return self.context.version

    @property
    def now(self) -> Context:
        """Return the context over the schema as it stands after the actions so far."""
        return self.context.with_catalog(self.draft.catalog)

    def relation(self, name: Name) -> Relation:
        """Return a table as it stands now."""
        return self.draft.catalog.relations[name]

    def work(self, name: Name) -> TableWork:
        """Return what is to be done to a table."""
        return self.tables.setdefault(name, TableWork())

    def refuse(self, sqlstate: str, message: str) -> NoReturn:
        """Leave because the server rejects the statement."""
        raise Refused(sqlstate, message)

    def depends(self, phrase: str) -> None:
        """Note a way the outcome depends on rows."""
        self.builder.depends(phrase)

    def column(self, table: Name, name: str, *, system: str = "alter system column") -> Column:
        """Return a column.

        Raises:
            Refused: there is none (42703), or it is one of the server's own (0A000).
        """
        found = self.relation(table).columns.get(name)
        if found is None:
            if name in SYSTEM_COLUMNS:
                self.refuse("0A000", f'cannot {system} "{name}"')
            self.context.absent("42703", f'column "{name}" of relation "{table.name}" does not exist')
        return found

    # -- trees of tables -----------------------------------------------------------------------------------------

    def lock_table(self, name: Name) -> None:
        """Note the statement's own lock on a table."""
        self.builder.lock(name, self.lock)

    def children(self, name: Name) -> tuple[Relation, ...]:
        """Return direct children as they stand now."""
        return self.draft.catalog.children_of(name)

    def family(self, name: Name) -> Iterator[Name]:
        """Yield a table and everything below it, noting the statement's lock on each."""
        for member in tuple(self.draft.family(name)):
            self.lock_table(member)
            yield member

    def leaves(self, name: Name) -> Iterator[Name]:
        """Yield the table, or the partitions that hold its rows."""
        relation = self.draft.catalog.relations.get(name)
        if relation is None or relation.kind is not RelationKind.PARTITIONED:
            yield name
            return
        for child in self.children(name):
            yield from self.leaves(child.name)

    # -- changes -------------------------------------------------------------------------------------------------

    def apply(self, table: Name, node: Any, *, recurse: bool = True) -> None:
        """Change the schema as one action does."""
        statement = pg.AlterTableStmt(objtype=pg.OBJECT_TABLE)
        statement.relation.schemaname, statement.relation.relname = table
        statement.relation.inh = recurse
        statement.cmds.add().alter_table_cmd.CopyFrom(node)
        step(self.draft, "alter_table_stmt", statement)

    def run_below(self, command: Command) -> None:
        """Change the schema as an action does, here and (unless ONLY) below, under the statement's lock."""
        if self.recurse:
            for member in self.family(command.table):
                self.lock_table(member)
        self.apply(command.table, command.node, recurse=self.recurse)

    # -- the last phase ------------------------------------------------------------------------------------------

    def finish(self) -> None:
        """Note what reading, rewriting and building the actions leave to do."""
        for name, work in self.tables.items():
            if work.new_values or work.rewrite:
                self._refuse_used_row_type(name)
        for name, work in self.tables.items():
            relation = self.before.relations.get(name)
            if relation is None or relation.kind is not RelationKind.TABLE:
                continue
            if work.rewrite:
                self._rewrite(name, work)
            elif work.verify:
                self.builder.scan(name, work.verify[0])
            if work.copy and not work.rewrite:
                self.builder.rewrites.add(str(name))
            if work.build:
                self.builder.build(name, work.build[0])
        for name, work in self.tables.items():
            for constraint in work.foreign_keys:
                self._check_foreign_key(name, constraint)

    def _rewrite(self, name: Name, work: TableWork) -> None:
        self.builder.rewrite(name, work.rewrite[0])
        for index in self.before.indexes_of(name):
            self.builder.lock(index, _AX)
        if not self.draft.catalog.indexes_of(name):
            self.builder.index_builds.discard(str(name))

    def _refuse_used_row_type(self, name: Name) -> None:
        user = column_using_row_type(self.draft.catalog, name)
        if user is not None:
            table, column = user
            shown = f'cannot alter table "{name.name}" because column "{table.name}.{column}" uses its row type'
            self.refuse("0A000", shown)

    def _check_foreign_key(self, table: Name, name: str) -> None:
        constraint = self.relation(table).constraints.get(name)
        if constraint is None or constraint.references is None:
            return
        self.depends(f"fails if a row of {table} has no partner in {constraint.references}")
        for side in (*self.leaves(table), *self.leaves(constraint.references)):
            self.builder.scan(side, f"foreign key {name} is checked")
        for side in (*self.leaves(table), *self.leaves(constraint.references), constraint.references):
            for index in self.draft.catalog.indexes_of(side):
                if index.name in self.before.indexes:
                    self.builder.lock(index, LockMode.AccessShareLock)

"""The questions a rule may ask about a statement: what it does, to whom, in which session and after what."""

from __future__ import annotations

import re
from functools import cached_property
from typing import TYPE_CHECKING, Any

from postgast import pg_query_pb2 as pg

from sluicegate.catalog.model import Name, RelationKind, TypeKind
from sluicegate.effects.model import KEY_MAY_LACK, MAY_NOT_RUN, Certainty, InTransaction, LockMode, LossKind
from sluicegate.rules.kit.changes import DataChange, data_changes
from sluicegate.rules.kit.commands import AddedColumn, Command, commands_of, constraints_in
from sluicegate.rules.kit.created_triggers import CreatedTrigger, created_trigger
from sluicegate.rules.kit.renames import Renamed, name_returns, renamed
from sluicegate.rules.kit.repeatable import repeatable
from sluicegate.rules.kit.spelling import type_sql
from sluicegate.rules.kit.tables import Tables
from sluicegate.rules.kit.vanished import Vanished, vanished
from sluicegate.rules.kit.vector_changes import dimensions_differ, loses_values
from sluicegate.rules.kit.words import lock_words, who_waits
from sluicegate.settings.keys import milliseconds
from sluicegate.statements.nodes import qualified, strings, walk_kinds
from sluicegate.statements.tokens import scan

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from sluicegate.catalog.model import Column, Relation, UserType


GATE = ("sluicegate", "require_backfill")
"""The function behind ``op.require_backfill``."""

SHAPELESS = frozenset(
    {
        *("index_stmt", "create_stmt", "create_trig_stmt", "comment_stmt", "drop_stmt", "rename_stmt", "reindex_stmt"),
        *("insert_stmt", "update_stmt", "delete_stmt", "merge_stmt", "alter_table_stmt", "grant_stmt", "view_stmt"),
    }
)
"""Kinds of statements whose locks and work can be told without the columns of their tables."""

SHAPELESS_ACTIONS = frozenset(
    {
        *("AT_SetNotNull", "AT_DropNotNull", "AT_AddConstraint", "AT_ValidateConstraint", "AT_DropConstraint"),
        *("AT_DropColumn", "AT_ColumnDefault", "AT_SetStatistics", "AT_SetStorage", "AT_SetRelOptions"),
    }
)
"""Actions of ALTER TABLE of which the same is true."""

STAND_IN = "sluicegate_unknown_"
"""How text begins that stands in for something of an application that is not installed; see capture.standin."""

NAME_BYTES = 63
"""How many bytes of a name PostgreSQL keeps: NAMEDATALEN - 1."""

_MAY_BE_LONG = re.compile(r'"|[\w$\x80-\U0010ffff]{16}')
"""Where an identifier of more than 63 bytes may be: in quotes, or a word; a character has at most four bytes."""


class Context(Tables):
    """A statement in its revision."""

    # -- what the statement does ----------------------------------------------------------------------------------

    @cached_property
    def commands(self) -> tuple[Command, ...]:
        """Return the actions of an ALTER TABLE; nothing for another statement."""
        if self.kind != "alter_table_stmt":
            return ()
        return commands_of(self.step, self.version, self.name_of(self.node.relation))

    def actions(self, *kinds: str) -> Iterator[Command]:
        """Yield the actions of these kinds (``AT_AddColumn``) on a relation that others use."""
        for command in self.commands:
            if command.kind in kinds and self.in_use(command.table):
                yield command

    def added_columns(self) -> Iterator[AddedColumn]:
        """Yield the columns that an ALTER TABLE adds to a table that others use, those that exist already left out."""
        for command in self.actions("AT_AddColumn"):
            if not (command.node.missing_ok and self.column(command.table, command.name)):
                yield AddedColumn(command, command.name, command.definition)

    def added_constraints(self, kind: str) -> Iterator[tuple[Command, Any]]:
        """Yield the constraints of a ``ConstrType`` that an ALTER TABLE adds, also those of columns that it adds."""
        for command in self.actions("AT_AddConstraint", "AT_AddColumn"):
            yield from ((command, constraint) for constraint in constraints_in(command, kind))

    def dropped_objects(self, *kinds: str) -> Iterator[Name]:
        """Yield the names that a DROP of these ``ObjectType`` kinds lists."""
        if self.kind == "drop_stmt" and self.node.remove_type in {pg.ObjectType.Value(kind) for kind in kinds}:
            yield from (self.lookup(*qualified(item)) for item in self.node.objects)

    def dropped_columns(self) -> Iterator[tuple[Name, str]]:
        """Yield the columns of tables in use that go, alone, with their table or by CASCADE."""
        found = [
            (command.table, command.name)
            for command in self.actions("AT_DropColumn")
            if self.column(command.table, command.name) or not (self.before.complete and command.node.missing_ok)
        ]
        for loss in self.effects.losses:
            table = _parsed(loss.relation)
            relation = self.relation(table)
            if loss.kind is LossKind.COLUMN:
                found.append((table, loss.name))
            elif loss.kind is LossKind.TABLE and relation is not None:
                found += [(table, column) for column in relation.columns]
        yield from (pair for pair in dict.fromkeys(found) if self.in_use(pair[0]))

    def data_changes(self) -> Iterator[DataChange]:
        """Yield the changes of rows in the statement."""
        return iter(self._data_changes)

    @cached_property
    def _data_changes(self) -> tuple[DataChange, ...]:
        return tuple(data_changes(self))

    @property
    def changes_data(self) -> bool:
        """Tell whether the statement changes rows that were there, or copies them."""
        return bool(self._data_changes)

    def created_trigger(self) -> CreatedTrigger | None:
        """Return what a CREATE TRIGGER is about to do; None for another statement."""
        return created_trigger(self)

    def renamed(self, *kinds: str) -> Renamed | None:
        """Return the rename that the statement makes of one of these ``ObjectType`` kinds."""
        return renamed(self, kinds)

    def name_returns(self, change: Renamed) -> bool:
        """Tell whether something else has the old name when the revision ends."""
        return name_returns(self, change)

    def long_names(self) -> Iterator[str]:
        """Yield the names in the statement that have more bytes than PostgreSQL keeps."""
        if not _MAY_BE_LONG.search(self.statement.sql):
            return
        for token in scan(self.statement.sql):
            text = self.statement.sql[token.start : token.end]
            if token.kind == pg.IDENT and len(text.encode()) > NAME_BYTES:
                name = text[1:-1].replace('""', '"') if text.startswith('"') else text
                if len(name.encode()) > NAME_BYTES:
                    yield name

    @property
    def repeatable(self) -> bool:
        """Tell whether the server accepts the statement again once it has done its work."""
        return repeatable(self)

    def commits_before(self, other: Context) -> bool:
        """Tell whether the statement is committed before another one of the revision runs."""
        return self.step.index < other.step.index and not self.same_transaction(other)

    @cached_property
    def vanished(self) -> tuple[Vanished, ...]:
        """Return what the statement takes away, named by it or not."""
        return tuple(vanished(self.before, self.after))

    @cached_property
    def changed_relations(self) -> tuple[tuple[Name, Relation, Relation | None], ...]:
        """Return the relations that are others after the statement, each with what it was (None for a new one)."""
        before, after = self.before.relations, self.after.relations
        if before is after:
            return ()
        return tuple((name, now, before.get(name)) for name, now in after.items() if before.get(name) is not now)

    def changed_columns(self) -> Iterator[tuple[Name, Column]]:
        """Yield the columns that are new after the statement or have another type, also those of new tables."""
        for name, relation, old in self.changed_relations:
            if relation.kind not in (RelationKind.TABLE, RelationKind.PARTITIONED):
                continue
            known = old.columns if old else {}
            for column in relation.columns.values():
                if column.name not in known or known[column.name].type != column.type:
                    yield name, column

    def added_here(self, table: Name, column: str) -> bool:
        """Tell whether the revision itself added the column, to whichever table."""
        start = self.revision.before.relations.get(table)
        now = self.relation(table)
        return start is not None and now is not None and column in now.columns and column not in start.columns

    def filled_here(self, table: Name) -> bool:
        """Tell whether an earlier statement of the revision wrote rows into the table."""
        writing = (pg.InsertStmt, pg.UpdateStmt, pg.CopyStmt, pg.MergeStmt)
        return any(e.name_of(w.relation) == table for e in self.earlier() for w in walk_kinds(e.node, *writing))

    def ruins_vectors(self, command: Command) -> bool:
        """Tell whether a change of type leaves no embedding as it was: another dimension, or NULL."""
        old = self.vector_type(command.table, command.name)
        new = type_sql(command.definition.type_name)
        return bool(old) and (dimensions_differ(old, new) or loses_values(command, self))

    def domain_of(self, column: AddedColumn) -> UserType | None:
        """Return the domain that an added column has as its type, or None."""
        relation = self.after.relations.get(column.table)
        added = relation.columns.get(column.name) if relation else None
        found = self.before.types.get(added.type.name) if added else None
        return found if found is not None and found.kind is TypeKind.DOMAIN else None

    def rewritten(self, part: Command | AddedColumn | None = None) -> tuple[Name, ...]:
        """Return the tables in use that are written anew, by the statement or by one of its actions."""
        return self._large("rewrites", part)

    def scanned(self, part: Command | AddedColumn | None = None) -> tuple[Name, ...]:
        """Return the tables in use that are read from end to end, by the statement or by one of its actions."""
        return self._large("scans", part)

    def scanned_rows(self) -> tuple[Name, ...]:
        """Return the tables of ``scanned`` without those that only a foreign key of a new or small table looks up."""
        parents = {
            self.name_of(constraint.pktable)
            for command in self.commands
            if not self.in_use_and_large(command.table)
            for constraint in constraints_in(command, "CONSTR_FOREIGN")
        }
        return tuple(table for table in self.scanned() if table not in parents)

    def indexed(self, part: Command | AddedColumn | None = None) -> tuple[Name, ...]:
        """Return the tables in use for which an index is written, by the statement or by one of its actions."""
        return self._large("index_builds", part)

    def _large(self, what: str, part: Command | AddedColumn | None) -> tuple[Name, ...]:
        whole: frozenset[str] = getattr(self.effects, what)
        if part is None:
            names: Iterable[str] = whole
        else:
            own: frozenset[str] = getattr(part.effects, what)
            # What no action does by itself is done by all of them together (a check dropped beside SET NOT NULL).
            explained = frozenset().union(*(getattr(command.effects, what) for command in self.commands))
            names = (own & whole) | (whole - explained)
        found = (_parsed(name) for name in sorted(names))
        return tuple(name for name in found if self.in_use_and_large(name))

    def builds_index(self, command: Command, constraint: Any) -> bool:
        """Tell whether a key or exclusion constraint builds an index on a table in use; so it does on any "
        "unknown one."""
        unknown = self.relation(command.table) is None and not self.before.complete and not constraint.indexname
        return command.table in self.indexed(command) or (unknown and self.in_use_and_large(command.table))

    @property
    def is_uncertain(self) -> bool:
        """Tell whether something that decides what the statement does is not known."""
        return self.effects.certainty is Certainty.UNKNOWN

    @property
    def at_most_waits(self) -> bool:
        """Tell whether all that is not known is whether parts of a block run, and none of them does lasting work.

        Run or not, nothing is read from end to end, written anew or lost; their locks count as taken.
        """
        effects = self.effects
        works = effects.scans or effects.rewrites or effects.index_builds or effects.losses
        ends = (MAY_NOT_RUN,) if self.before.complete else (MAY_NOT_RUN, KEY_MAY_LACK)
        return not works and all(phrase.endswith(ends) for phrase in effects.unknowns)

    @property
    def lacks_only_columns(self) -> bool:
        """Tell whether what is not known is only the shape of tables that nobody showed us.

        It decides whether the server takes the statement, not what it locks, reads or rewrites.
        """
        if self.before.complete or self.kind not in SHAPELESS:
            return False
        added = {column.name for column in self.added_columns() if column.default is None}
        return all(c.kind in SHAPELESS_ACTIONS or c.name in added for c in self.commands)

    def lock_on(self, name: Name) -> LockMode | None:
        """Return the strongest lock that the statement takes on a table."""
        return self.effects.locks.get(str(name))

    def blocked(self) -> tuple[tuple[Name, LockMode], ...]:
        """Return the tables in use whose readers or writers wait, with the lock they wait for; strongest first."""
        return self._blocked

    @cached_property
    def _blocked(self) -> tuple[tuple[Name, LockMode], ...]:
        found = [(_parsed(name), mode) for name, mode in self.effects.locks.items()]
        hurting = [(name, mode) for name, mode in found if self.in_use(name) and self._stops_users(name, mode)]
        # A sequence goes with its table, which says enough.
        tables = [(name, mode) for name, mode in hurting if self.is_table(name)]
        hurting = tables or hurting
        return tuple(sorted(hurting, key=lambda pair: (-pair[1], pair[0])))

    def _stops_users(self, name: Name, mode: LockMode) -> bool:
        relation = self.relation(name)
        if relation is not None and relation.kind in (RelationKind.MATERIALIZED_VIEW, RelationKind.VIEW):
            return mode.blocks_reads  # nobody writes to it
        return mode.blocks_writes

    def waiting(self, name: Name) -> str:
        """Say which lock the statement takes on a table and who waits behind it."""
        mode = self.lock_on(name)
        if mode is None:
            return "the table is busy"
        return f"under {lock_words(mode)}: {who_waits(mode, self.spelled(name))}"

    def blocks_itself(self, name: Name) -> bool:
        """Tell whether the statement's own lock on a table keeps its users out."""
        mode = self.lock_on(name)
        return mode is not None and self._stops_users(name, mode)

    @property
    def cascades(self) -> bool:
        """Tell whether the statement, or one of its actions, says CASCADE."""
        own = getattr(self.node, "behavior", 0) == pg.DROP_CASCADE
        return own or any(command.node.behavior == pg.DROP_CASCADE for command in self.commands)

    @property
    def refused_in_transaction(self) -> bool:
        """Tell whether the statement stands in a transaction block although the server forbids that."""
        return self.effects.in_transaction is InTransaction.FORBIDDEN and not self.step.captured.autocommit

    # -- its session and its transaction --------------------------------------------------------------------------

    def setting(self, name: str) -> str | None:
        """Return a session setting in force, from the revision or from the policy, or None when nobody set it."""
        return self.step.captured.settings.get(name, self.policy.session_settings.get(name))

    @property
    def lock_timeout(self) -> float | None:
        """Return the lock_timeout in force in milliseconds; None when there is none (0 means none to PostgreSQL)."""
        value = self.setting("lock_timeout")
        return (milliseconds(value) or None) if value is not None else None

    @property
    def read_in_part(self) -> bool:
        """Tell whether capture could not read the very lines that issue the statement, so that its text is a guess."""
        if STAND_IN in self.statement.sql:
            return True
        mine = self.step.captured.location
        return any(
            place is not None
            and place.file == mine.file
            and place.line <= mine.end_line
            and mine.line <= place.end_line
            for _, place in self.revision.reasons()
        )

    @property
    def is_gate(self) -> bool:
        """Tell whether it calls ``op.require_backfill``, which changes nothing and fails while the proof is missing."""
        return any(strings(call.funcname)[-2:] == GATE for call in walk_kinds(self.node, pg.FuncCall))

    @property
    def in_transaction(self) -> bool:
        """Tell whether the statement commits together with others."""
        return not self.step.captured.autocommit

    def earlier(self) -> tuple[Context, ...]:
        """Return the statements before this one in its revision."""
        return self.revision.contexts_before(self.step.index)

    def committed_with(self) -> tuple[Context, ...]:
        """Return the statements before this one that commit together with it, also those of revisions before."""
        if not self.in_transaction:
            return ()
        own = tuple(other for other in self.earlier() if self.same_transaction(other))
        first = self.revision.contexts[0] if self.revision.contexts else self
        carried = self.revision.carried if self.same_transaction(first) else ()
        return (*carried, *own)

    def later(self) -> tuple[Context, ...]:
        """Return the statements after this one in its revision."""
        return self.revision.contexts_after(self.step.index)

    def same_transaction(self, other: Context) -> bool:
        """Tell whether another statement of this revision commits together with this one."""
        mine, its = self.step.captured, other.step.captured
        return not mine.autocommit and not its.autocommit and mine.transaction == its.transaction


def _parsed(name: str) -> Name:
    schema, _, relation = name.partition(".")
    return Name(schema, relation)

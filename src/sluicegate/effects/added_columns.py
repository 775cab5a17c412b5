"""ADD COLUMN: when old rows get the new value without being touched, when the table is read, when it is rewritten."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from postgast import pg_query_pb2 as pg

from sluicegate.catalog.model import Column, Name, RelationKind, SqlType, TypeKind, Volatility
from sluicegate.catalog.naming import clip
from sluicegate.catalog.replay.constraints import with_attributes
from sluicegate.catalog.type_facts import type_facts
from sluicegate.catalog.types import base_type, display, same_type, serial_base
from sluicegate.effects.alter_actions import constraint_run, definition
from sluicegate.effects.alteration import SYSTEM_COLUMNS, Command
from sluicegate.effects.column_definitions import require_column_type
from sluicegate.effects.column_storage import check_compression, check_storage
from sluicegate.effects.default_values import refuse_value
from sluicegate.effects.domain_constraints import default_of, is_constrained
from sluicegate.effects.failing_values import note_computed
from sluicegate.effects.index_definition import check_collation_exists
from sluicegate.effects.mentions import Mentions
from sluicegate.effects.model import LockMode
from sluicegate.effects.sequences import check_sequence_options
from sluicegate.effects.table_expressions import read_default, read_generation
from sluicegate.statements.nodes import string, unwrap, walk_kinds

if TYPE_CHECKING:
    from sluicegate.catalog.model import Relation
    from sluicegate.effects.alteration import Alteration
    from sluicegate.effects.expressions import ExpressionFacts

_INTEGERS = frozenset({"int2", "int4", "int8"})
_LATER = frozenset({pg.CONSTR_CHECK, pg.CONSTR_UNIQUE, pg.CONSTR_PRIMARY, pg.CONSTR_FOREIGN, pg.CONSTR_EXCLUSION})


def prepare_add_column(alteration: Alteration, command: Command) -> None:
    """Refuse to add a column to a table that follows a composite type."""
    if alteration.relation(command.table).of_type is not None:
        alteration.refuse("42809", "cannot add column to typed table")


def run_add_column(alteration: Alteration, command: Command) -> None:
    """Add a column, here and below, and queue the constraints written with it."""
    table, node = command.table, definition(command.node)
    relation, name = alteration.relation(table), clip(node.colname)
    if relation.bound is not None and not command.recursing:
        alteration.refuse("42809", "cannot add column to a partition")
    if name in relation.columns and command.node.missing_ok:
        return
    if name in relation.columns:
        alteration.refuse("42701", f'column "{name}" of relation "{table.name}" already exists')
    if name in SYSTEM_COLUMNS:
        alteration.refuse("42701", f'column name "{name}" conflicts with a system column name')
    added = _AddedColumn(alteration, table, node)
    if not alteration.recurse and alteration.children(table):
        alteration.refuse("42P16", "column must be added to child tables too")
    _lock_below(alteration, table)
    for child in alteration.draft.catalog.descendants_of(table):
        added.merge(child)
    alteration.apply(table, _without_later(command.node), recurse=True)
    for member in tuple(alteration.draft.family(table)):
        added.fill(member)
    for constraint in added.later:
        alteration.queue.append((constraint_run(constraint), Command(_as_command(constraint), table)))


def _lock_below(alteration: Alteration, table: Name) -> None:
    if alteration.recurse:
        for member in alteration.family(table):
            alteration.lock_table(member)


def _without_later(node: Any) -> Any:
    copy = pg.AlterTableCmd()
    copy.CopyFrom(node)
    column = getattr(copy, "def").column_def
    kept = [item for item in with_attributes(column.constraints) if item.contype not in _LATER]
    del column.constraints[:]
    for item in kept:
        column.constraints.add().constraint.CopyFrom(item)
    return copy


def _as_command(constraint: Any) -> Any:
    command = pg.AlterTableCmd(subtype=pg.AT_AddConstraint)
    getattr(command, "def").constraint.CopyFrom(constraint)
    return command


class _AddedColumn:
    """One ADD COLUMN's column: what old rows get, and what that takes."""

    def __init__(self, alteration: Alteration, table: Name, node: Any) -> None:
        self.alteration, self.table, self.node = alteration, table, node
        self.name = clip(node.colname)
        self.constraints = with_attributes(node.constraints)
        self.serial = serial_base(node.type_name) is not None
        self._refuse_conflicts()
        self.type = require_column_type(alteration.now, node.type_name, self.name, member_of=table)
        self._refuse_attributes()
        self.generated = self._one(pg.CONSTR_GENERATED)
        self.identity = self._one(pg.CONSTR_IDENTITY)
        self.default = self._one(pg.CONSTR_DEFAULT)
        self.not_null = self.serial or self.identity is not None or self._one(pg.CONSTR_NOTNULL) is not None
        self.constrained_domain = is_constrained(self.type, alteration.draft.catalog)
        self.later = [self._later(item) for item in self.constraints if item.contype in _LATER]
        self._facts: ExpressionFacts | None = None
        self._read()

    def _one(self, contype: int) -> Any:
        return next((item for item in self.constraints if item.contype == contype), None)

    @property
    def has_default(self) -> bool:
        """Tell whether old rows get a value, as the server decides it when it skips checking a foreign key."""
        return self.serial or self.generated is not None or self.default is not None

    def _later(self, item: Any) -> Any:
        """Turn a column constraint into the table constraint that the server makes of it."""
        constraint = pg.Constraint()
        constraint.CopyFrom(item)
        if item.contype == pg.CONSTR_FOREIGN:
            constraint.fk_attrs.add().string.sval = self.name
            if not self.has_default:
                constraint.skip_validation = True
                constraint.initially_valid = constraint.is_enforced
        elif item.contype in {pg.CONSTR_UNIQUE, pg.CONSTR_PRIMARY}:
            constraint.keys.add().string.sval = self.name
        if item.contype == pg.CONSTR_CHECK and not item.conname:
            constraint.conname = ""
        return constraint

    # -- what the server refuses -------------------------------------------------------------------------------------

    def _refuse_conflicts(self) -> None:
        """Refuse contradictory constraints (``transformColumnDefinition`` in PostgreSQL's parse_utilcmd.c)."""
        place = f'for column "{self.name}" of table "{self.table.name}"'
        kinds = [item.contype for item in self.constraints]
        identity, generated = pg.CONSTR_IDENTITY in kinds, pg.CONSTR_GENERATED in kinds
        defaults = kinds.count(pg.CONSTR_DEFAULT) + self.serial
        refuse = self.alteration.refuse
        if pg.CONSTR_NULL in kinds and (self.serial or identity or pg.CONSTR_NOTNULL in kinds):
            refuse("42601", f"conflicting NULL/NOT NULL declarations {place}")
        if pg.CONSTR_NULL in kinds and pg.CONSTR_PRIMARY in kinds:
            refuse("42601", f"conflicting NULL/NOT NULL declarations {place}")
        if defaults > 1:
            refuse("42601", f"multiple default values specified {place}")
        if kinds.count(pg.CONSTR_GENERATED) > 1:
            refuse("42601", f"multiple generation clauses specified {place}")
        if kinds.count(pg.CONSTR_IDENTITY) > 1:
            refuse("42601", f"multiple identity specifications {place}")
        if defaults and identity:
            refuse("42601", f"both default and identity specified {place}")
        if defaults and generated:
            refuse("42601", f"both default and generation expression specified {place}")
        if identity and generated:
            refuse("42601", f"both identity and generation expression specified {place}")

    def _refuse_attributes(self) -> None:
        node, alteration = self.node, self.alteration
        facts = type_facts(self.type, alteration.draft.catalog)
        shown = display(SqlType(self.type.name, array=self.type.array))
        if node.HasField("coll_clause"):
            if facts.known and not facts.collatable:
                alteration.refuse("42804", f"collations are not supported by type {shown}")
            check_collation_exists(alteration.now, node.coll_clause.collname)
        column = Column(self.name, self.type)
        if node.storage_name:
            check_storage(alteration, column, node.storage_name)
        if node.compression:
            check_compression(alteration, column, node.compression)

    def _read(self) -> None:
        alteration = self.alteration
        relation = alteration.relation(self.table)
        if self.identity is not None:
            base = base_type(self.type, alteration.draft.catalog)
            if base.name.name not in _INTEGERS or base.array:
                alteration.refuse("22023", "identity column type must be smallint, integer, or bigint")
            self._refuse_inherited_identity(relation)
            given = [item for item in self.identity.options if unwrap(item).defname != "sequence_name"]
            check_sequence_options(alteration.now, given, None, base.name.name)
        if self.generated is not None:
            self._read_generation(relation)
        elif self.default is not None:
            self._facts = read_default(alteration, self.default.raw_expr, self.type, self.name)
            refuse_value(self.default.raw_expr, self.type, alteration.draft.catalog)
            self._lock_sequences(self.default.raw_expr)
        elif (domain_default := default_of(self.type, alteration.draft.catalog)) is not None:
            self._facts = read_default(alteration, domain_default, self.type, self.name)

    def _refuse_inherited_identity(self, relation: Relation) -> None:
        alteration = self.alteration
        children = alteration.recurse and alteration.children(self.table)
        partitioned = relation.kind is RelationKind.PARTITIONED and alteration.version >= 17
        if children and not partitioned:
            alteration.refuse("42P16", "cannot recursively add identity column to table that has child tables")

    def _read_generation(self, relation: Relation) -> None:
        alteration, node = self.alteration, self.generated.raw_expr
        for reference in walk_kinds(node, pg.ColumnRef):
            if string(reference.fields[-1]) == self.name:
                alteration.refuse("42P17", f'cannot use generated column "{self.name}" in column generation expression')
        self._facts = read_generation(alteration, relation, node, self.type, self.name)
        if not self.is_virtual:
            note_computed(alteration.now, relation, node, self.type)
        if self.is_virtual:
            refuse_virtual(alteration, relation, self.name, self.type, node)

    @property
    def is_virtual(self) -> bool:
        """Tell whether the column is generated when it is read; before PostgreSQL 18 there is no such thing."""
        return self.generated is not None and self.generated.generated_kind == "v"

    def _lock_sequences(self, node: Any) -> None:
        for sequence in Mentions(self.alteration.draft.catalog, self.alteration.context.search_path).of(node).sequences:
            self.alteration.builder.lock(sequence, LockMode.RowExclusiveLock)

    # -- what it takes -----------------------------------------------------------------------------------------------

    def merge(self, child: Relation) -> None:
        """Refuse a child's column of the same name that is another."""
        own = child.columns.get(self.name)
        if own is None:
            return
        name = child.name.name
        if not same_type(own.type, self.type):
            self.alteration.refuse("42804", f'child table "{name}" has different type for column "{self.name}"')

    def fill(self, member: Name) -> None:
        """Note what giving a value to a table's old rows takes."""
        before = self.alteration.before.relations.get(member)
        if before is not None and self.name in before.columns and member != self.table:
            self._merged(member)
            return
        work = self.alteration.work(member)
        reason = self._rewrite_reason()
        if reason is not None:
            work.rewrite.append(reason)
        if self.is_virtual:
            if self.not_null:
                work.verify.append(f"no row may have a NULL in {self.name}")
                self.alteration.depends(f"fails if {self.name} is NULL for a row of {member}")
            return
        if self._gives_value() or self.constrained_domain:
            work.new_values = True
        if self.constrained_domain:
            self.alteration.depends(f"fails if {member} holds a row and its value violates {display(self.type)}")
        if self.not_null and not self._gives_value():
            work.verify.append(f"no row may have a NULL in {self.name}")
            self.alteration.depends(f"fails if {member} holds a row")

    def _merged(self, member: Name) -> None:
        """Note what joining a child's own column takes; servers before 18 leave its NULLs alone."""
        if self.not_null and self.alteration.version >= 18:
            self.alteration.work(member).verify.append(f"no row may have a NULL in {self.name}")
            self.alteration.depends(f"fails if {member}.{self.name} holds NULL")

    def _gives_value(self) -> bool:
        if self.serial or self.identity is not None or self.generated is not None:
            return True
        return self._facts is not None and not self._facts.null

    def _rewrite_reason(self) -> str | None:
        """Return why every row is written anew, or None when the new value is kept once in the catalogs."""
        if self.serial or self.identity is not None:
            return f"every row gets a new number in {self.name}"
        if self.generated is not None:
            return None if self.is_virtual else f"{self.name} is computed and stored for every row"
        if self.constrained_domain:
            return f"{self.name} is of a domain with constraints, which every row is checked against"
        if self._facts is None or self._facts.null:
            return None
        if self._facts.volatility is Volatility.VOLATILE:
            return f"the default of {self.name} is volatile, so every row gets a value of its own"
        if self._facts.volatility is None:
            self.alteration.builder.unknown(f"whether the default of {self.name} is volatile, which would rewrite")
        return None


def refuse_virtual(alteration: Alteration, relation: Relation, name: str, sql_type: SqlType, node: Any) -> None:
    """Refuse what a virtual column cannot be or use: domains, user-defined types and functions (PostgreSQL 18)."""
    catalog = alteration.draft.catalog
    user_type = catalog.types.get(sql_type.name)
    if user_type is not None and user_type.kind is TypeKind.DOMAIN and not sql_type.array:
        alteration.refuse("0A000", f'virtual generated column "{name}" cannot have a domain type')
    if user_type is not None or sql_type.name in catalog.relations:
        alteration.refuse("0A000", f'virtual generated column "{name}" cannot have a user-defined type')
    mentioned = Mentions(catalog, alteration.context.search_path).of(node)
    if mentioned.functions or mentioned.vector:
        alteration.refuse("0A000", "generation expression uses user-defined function")
    used = [string(reference.fields[-1]) for reference in walk_kinds(node, pg.ColumnRef)]
    types = [relation.columns[column].type.name for column in used if column in relation.columns]
    if mentioned.types or any(one in catalog.types or one in catalog.relations for one in types):
        alteration.refuse("0A000", "generation expression uses user-defined type")

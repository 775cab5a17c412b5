"""Adding constraints: their names, the indexes behind them, and their copies on children and partitions."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any

from postgast import pg_query_pb2 as pg

from sluicegate.catalog.columns_used import columns_used
from sluicegate.catalog.model import Constraint, ConstraintKind, Index, IndexKey, Name, RelationKind
from sluicegate.catalog.naming import choose, clip, index_column_names, index_key_name, joined_columns
from sluicegate.catalog.replay.indexes import clone_index_to_children, find_collation
from sluicegate.statements.nodes import option_texts, strings, unwrap

if TYPE_CHECKING:
    from collections.abc import Iterable

    from sluicegate.catalog.replay.draft import Draft

_ACTIONS = {"a": "no action", "r": "restrict", "c": "cascade", "n": "set null", "d": "set default"}

# A constraint's attributes arrive as constraints of their own, after the column constraint they belong to.
ATTRIBUTES = {
    pg.CONSTR_ATTR_DEFERRABLE: {"deferrable": True},
    pg.CONSTR_ATTR_NOT_DEFERRABLE: {"deferrable": False},
    pg.CONSTR_ATTR_DEFERRED: {"initdeferred": True, "deferrable": True},
    pg.CONSTR_ATTR_IMMEDIATE: {},
    pg.CONSTR_ATTR_ENFORCED: {"is_enforced": True},
    pg.CONSTR_ATTR_NOT_ENFORCED: {"is_enforced": False, "skip_validation": True, "initially_valid": False},
}


@dataclass
class Waiting:
    """Constraints of a CREATE TABLE or ADD COLUMN that PostgreSQL adds once the columns exist.

    The order is the server's: checks and not-nulls with the table, then keys, then foreign keys.
    """

    checks: list[tuple[Any, str | None]] = field(default_factory=list)
    not_nulls: list[tuple[Any, str]] = field(default_factory=list)
    keys: list[tuple[Any, str | None]] = field(default_factory=list)
    foreign_keys: list[tuple[Any, str | None]] = field(default_factory=list)

    def add(self, node: Any, column: str | None) -> None:
        """Sort a constraint node into its group; one that is none of them (DEFAULT …) is left out."""
        if node.contype == pg.CONSTR_CHECK:
            self.checks.append((node, column))
        elif node.contype in {pg.CONSTR_PRIMARY, pg.CONSTR_UNIQUE, pg.CONSTR_EXCLUSION}:
            self.keys.append((node, column))
        elif node.contype == pg.CONSTR_FOREIGN:
            self.foreign_keys.append((node, column))
        elif node.contype == pg.CONSTR_NOTNULL:
            self.not_nulls.append((node, column or strings(node.keys)[0]))

    def apply(self, draft: Draft, table: Name, *, new_table: bool = False, recurse: bool = True) -> None:
        """Add them to a table that has its columns."""
        for node, _ in self.checks:
            add_check(draft, table, node, recurse=recurse, valid=new_table)
        for node, name in self.not_nulls:
            if new_table:
                _own_not_null(draft, table, name, node)
            else:
                set_not_null(draft, table, name, node=node, recurse=recurse)
        # A primary key is made before other keys (transformIndexConstraints puts it first).
        for node, column in sorted(self.keys, key=lambda item: item[0].contype != pg.CONSTR_PRIMARY):
            if new_table and node.contype == pg.CONSTR_PRIMARY:
                for key in strings(node.keys) or ((column,) if column else ()):
                    _own_not_null(draft, table, key, None)
            add_key(draft, table, node, column, recurse=recurse)
        for node, column in self.foreign_keys:
            add_foreign_key(draft, table, node, column, valid=new_table)


def with_attributes(constraints: Iterable[Any]) -> list[Any]:
    """Return column constraints with the attributes that follow them merged into copies of them."""
    merged: list[Any] = []
    for item in constraints:
        node = unwrap(item)
        if node.contype in ATTRIBUTES:
            for name, value in ATTRIBUTES[node.contype].items():
                if merged:
                    setattr(merged[-1], name, value)
            continue
        copy = pg.Constraint()
        copy.CopyFrom(node)
        merged.append(copy)
    return merged


def add_check(
    draft: Draft, table: Name, node: Any, *, recurse: bool = True, valid: bool = False, inherited: bool = False
) -> None:
    """Add a CHECK constraint to a table and, unless NO INHERIT, to everything below it."""
    relation = draft.catalog.relations[table]
    used = columns_used(node.raw_expr, relation.columns)
    name = clip(node.conname) or choose(
        table.name,
        used[0] if len(used) == 1 else None,
        "check",
        draft.constraint_name_taken(table.schema),
    )
    existing = relation.constraints.get(name)
    enforced = bool(node.is_enforced)
    if existing is not None:
        draft.put_constraint(
            table,
            replace(
                existing,
                local=existing.local or not inherited,
                inherited=existing.inherited + inherited,
            ),
        )
    else:
        draft.put_constraint(
            table,
            Constraint(
                name,
                ConstraintKind.CHECK,
                used,
                expression=draft.expression(node.raw_expr),
                validated=enforced and (valid or not node.skip_validation),
                enforced=enforced,
                no_inherit=node.is_no_inherit,
                local=not inherited,
                inherited=int(inherited),
            ),
        )
    if recurse and not node.is_no_inherit:
        named = pg.Constraint()
        named.CopyFrom(node)
        named.conname = name
        for child in draft.catalog.children_of(table):
            add_check(draft, child.name, named, valid=valid, inherited=True)


def set_not_null(
    draft: Draft,
    table: Name,
    column: str,
    *,
    node: Any = None,
    recurse: bool = True,
    inherited: bool = False,
) -> None:
    """Make a column NOT NULL here and below; from PostgreSQL 18 on this leaves a named constraint."""
    relation = draft.catalog.relations.get(table)
    found = relation.columns.get(column) if relation is not None else None
    if relation is None or found is None:
        return
    valid = node is None or not node.skip_validation
    draft.alter_column(
        table, column, not_null=True, not_null_validated=(found.not_null and found.not_null_validated) or valid
    )
    passed_on = pg.Constraint(contype=pg.CONSTR_NOTNULL, is_enforced=True)
    if node is not None:
        passed_on.CopyFrom(node)
    if draft.catalog.version >= 18 and relation.kind not in {RelationKind.VIEW, RelationKind.MATERIALIZED_VIEW}:
        name = _not_null_constraint(draft, table, column, node, valid, inherited)
        if name is None:
            return  # it was there already, and what inherits from here has it
        passed_on.conname = name
    if recurse and not passed_on.is_no_inherit:
        for child in draft.catalog.children_of(table):
            set_not_null(draft, child.name, column, node=passed_on, inherited=True)


def _own_not_null(draft: Draft, table: Name, column: str, node: Any) -> None:
    """Make a column of a new table NOT NULL by itself; what it inherits is merged under the name it gives."""
    inherited = 0
    for constraint in draft.catalog.relations[table].constraints.values():
        if constraint.kind is ConstraintKind.NOT_NULL and constraint.columns == (column,):
            if constraint.local:
                return
            inherited = constraint.inherited
            draft.drop_constraint(table, constraint.name)
    set_not_null(draft, table, column, node=node)
    for constraint in draft.catalog.relations[table].constraints.values():
        if constraint.kind is ConstraintKind.NOT_NULL and constraint.columns == (column,):
            draft.put_constraint(table, replace(constraint, inherited=inherited))


def _not_null_constraint(draft: Draft, table: Name, column: str, node: Any, valid: bool, inherited: bool) -> str | None:
    """Add or strengthen a column's not-null constraint; return the name of a new one, None for one that was there."""
    relation = draft.catalog.relations[table]
    for existing in relation.constraints.values():
        if existing.kind is ConstraintKind.NOT_NULL and existing.columns == (column,):
            draft.put_constraint(
                table,
                replace(
                    existing,
                    validated=existing.validated or valid,
                    local=existing.local or not inherited,
                    inherited=existing.inherited + inherited,
                ),
            )
            return None
    given = clip(node.conname) if node is not None else ""
    taken = draft.constraint_name_taken(table.schema)
    name = given if given and given not in relation.constraints else choose(table.name, column, "not_null", taken)
    draft.put_constraint(
        table,
        Constraint(
            name,
            ConstraintKind.NOT_NULL,
            (column,),
            validated=valid,
            no_inherit=bool(node is not None and node.is_no_inherit),
            local=not inherited,
            inherited=int(inherited),
        ),
    )
    return name


_KEY_KINDS = {
    pg.CONSTR_PRIMARY: (ConstraintKind.PRIMARY_KEY, "pkey"),
    pg.CONSTR_UNIQUE: (ConstraintKind.UNIQUE, "key"),
    pg.CONSTR_EXCLUSION: (ConstraintKind.EXCLUDE, "excl"),
}


def add_key(draft: Draft, table: Name, node: Any, column: str | None = None, *, recurse: bool = True) -> None:
    """Add a primary key, unique or exclusion constraint with its index, on partitions too."""
    kind, label = _KEY_KINDS[node.contype]
    if node.indexname:
        _adopt_index(draft, table, node, kind)
        return
    relation = draft.catalog.relations[table]
    keys, names = _key_columns(draft, node, column)
    if kind is ConstraintKind.PRIMARY_KEY:
        _not_null_keys(draft, table, tuple(key.column for key in keys if key.column is not None))
    taken_here = draft.relation_name_taken(table.schema)
    constraint_taken = draft.constraint_name_taken(table.schema)
    name = clip(node.conname) or choose(
        table.name,
        None if kind is ConstraintKind.PRIMARY_KEY else joined_columns(names),
        label,
        lambda tried: taken_here(tried) or constraint_taken(tried),
    )
    method = node.access_method or ("gist" if node.without_overlaps else "btree")
    predicate = draft.expression(node.where_clause) if node.HasField("where_clause") else None
    included = strings(node.including)
    index = Index(
        Name(table.schema, name),
        table,
        method,
        keys,
        included=included,
        unique=kind is not ConstraintKind.EXCLUDE,
        predicate=predicate,
        valid=recurse or not draft.catalog.children_of(table),
        constraint=name,
        options=option_texts(node.options),
        nulls_not_distinct=node.nulls_not_distinct,
        tablespace=node.indexspace or None,
        created_in=draft.catalog.transaction,
    )
    draft.put_index(index)
    draft.put_constraint(
        table,
        Constraint(
            name,
            kind,
            tuple(key.column for key in keys if key.column is not None),
            deferrable=node.deferrable,
            index=index.name,
            without_overlaps=node.without_overlaps,
        ),
    )
    if relation.kind is RelationKind.PARTITIONED and recurse:
        clone_index_to_children(draft, index)


def _not_null_keys(draft: Draft, table: Name, columns: tuple[str, ...]) -> None:
    # A column that is NOT NULL already keeps the constraint it has, inherited or not (ATPrepAddPrimaryKey).
    for column in columns:
        found = draft.catalog.relations[table].columns.get(column)
        if found is not None and not found.not_null:
            set_not_null(draft, table, column)


def _key_columns(draft: Draft, node: Any, column: str | None) -> tuple[tuple[IndexKey, ...], list[str]]:
    if node.contype == pg.CONSTR_EXCLUSION:
        elements = [unwrap(item).items[0].index_elem for item in node.exclusions]
        keys = tuple(
            IndexKey(
                element.name or None,
                draft.expression(element.expr) if element.HasField("expr") else None,
                strings(element.opclass)[-1] if element.opclass else None,
                find_collation(element.collation),
                descending=element.ordering == pg.SORTBY_DESC,
                nulls_first=element.nulls_ordering == pg.SORTBY_NULLS_FIRST,
            )
            for element in elements
        )
        return keys, index_column_names([index_key_name(element) for element in elements])
    columns = strings(node.keys) or ((column,) if column else ())
    return tuple(IndexKey(name) for name in columns), [*columns, *strings(node.including)]


def _adopt_index(draft: Draft, table: Name, node: Any, kind: ConstraintKind) -> None:
    index = draft.catalog.indexes.get(Name(table.schema, node.indexname))
    if index is None:
        return
    name = clip(node.conname) or index.name.name
    renamed = draft.rename_index(index.name, replace(index, name=Name(table.schema, name), constraint=name))
    columns = tuple(key.column for key in index.keys if key.column is not None)
    if kind is ConstraintKind.PRIMARY_KEY:
        _not_null_keys(draft, table, columns)
    draft.put_constraint(table, Constraint(name, kind, columns, deferrable=node.deferrable, index=renamed.name))


def add_foreign_key(
    draft: Draft,
    table: Name,
    node: Any,
    column: str | None = None,
    *,
    valid: bool = False,
    inherited: bool = False,
) -> None:
    """Add a foreign key, on partitions too."""
    relation = draft.catalog.relations[table]
    columns = strings(node.fk_attrs) or ((column,) if column else ())
    referenced = draft.relation(node.pktable)
    target = referenced.name if referenced is not None else draft.new_name(node.pktable)
    referenced_columns = strings(node.pk_attrs)
    if not referenced_columns and referenced is not None:
        for candidate in referenced.constraints.values():
            if candidate.kind is ConstraintKind.PRIMARY_KEY:
                referenced_columns = candidate.columns
    given = clip(node.conname)
    if given and not (inherited and given in relation.constraints):
        name = given
    else:
        taken = draft.constraint_name_taken(table.schema)
        name = choose(table.name, joined_columns(columns), "fkey", taken)
    enforced = bool(node.is_enforced)
    draft.put_constraint(
        table,
        Constraint(
            name,
            ConstraintKind.FOREIGN_KEY,
            columns,
            references=target,
            referenced_columns=referenced_columns,
            on_delete=_ACTIONS.get(node.fk_del_action, "no action"),
            on_update=_ACTIONS.get(node.fk_upd_action, "no action"),
            validated=enforced and (valid or not node.skip_validation),
            enforced=enforced,
            deferrable=node.deferrable,
            without_overlaps=node.fk_with_period,
            local=not inherited,
            inherited=int(inherited),
        ),
    )
    if relation.kind is RelationKind.PARTITIONED:
        named = pg.Constraint()
        named.CopyFrom(node)
        named.conname = name
        for child in draft.catalog.children_of(table):
            add_foreign_key(draft, child.name, named, column, valid=valid, inherited=True)


def add_constraint(draft: Draft, table: Name, node: Any, *, recurse: bool = True) -> None:
    """Add a table constraint of whatever kind to a table that exists."""
    waiting = Waiting()
    waiting.add(node, None)
    waiting.apply(draft, table, recurse=recurse)

"""SET NOT NULL, DROP NOT NULL and NOT NULL constraints: when rows are read, when a proof spares it, who forbids it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from postgast import pg_query_pb2 as pg

from sluicegate.catalog.model import ConstraintKind, RelationKind
from sluicegate.catalog.naming import clip
from sluicegate.catalog.replay.constraints import set_not_null
from sluicegate.effects.not_null_proof import proves_not_null

if TYPE_CHECKING:
    from sluicegate.catalog.model import Constraint, Name
    from sluicegate.effects.alteration import Alteration, Command


def run_set_not_null(alteration: Alteration, command: Command) -> None:
    """Run SET NOT NULL, here and below."""
    table, column = command.table, command.node.name
    found = alteration.column(table, column)
    constraint = not_null_constraint(alteration, table, column)
    if constraint is not None and constraint.no_inherit and alteration.recurse:
        shown = f'"{constraint.name}" on relation "{table.name}"'
        alteration.refuse("55000", f"cannot change NO INHERIT status of NOT NULL constraint {shown}")
    if found.not_null and found.not_null_validated:
        # What is below has to be NOT NULL already, so the server does not look there.
        if alteration.version < 18 and alteration.relation(table).kind is not RelationKind.PARTITIONED:
            alteration.run_below(command)
        return
    if not alteration.recurse and alteration.children(table):
        _refuse_only(alteration, table, column)
    members = [table]
    if alteration.recurse:
        members = list(alteration.family(table))
    elif alteration.relation(table).kind is RelationKind.PARTITIONED:
        for child in alteration.children(table):
            alteration.lock_table(child.name)
    for member in members:
        require_not_null(alteration, member, column)
    alteration.apply(table, command.node, recurse=alteration.recurse)
    for member in members:
        for constraint in alteration.relation(member).constraints.values():
            if constraint.kind is ConstraintKind.NOT_NULL and constraint.columns == (column,):
                alteration.draft.alter_column(member, column, not_null_validated=True)


def _refuse_only(alteration: Alteration, table: Name, column: str) -> None:
    """Refuse ONLY where the children would stay behind."""
    partitioned = alteration.relation(table).kind is RelationKind.PARTITIONED
    if alteration.version >= 18:
        if partitioned:
            alteration.refuse("42P16", "constraint must be added to child tables too")
        return
    for child in alteration.children(table) if partitioned else ():
        if not child.columns[column].not_null:
            alteration.refuse("42P16", "constraint must be added to child tables too")


def require_not_null(alteration: Alteration, table: Name, column: str) -> None:
    """Note that a column becomes NOT NULL: its table is read, unless it is so already or a check proves it."""
    relation = alteration.relation(table)
    found = relation.columns.get(column)
    if found is None or (found.not_null and found.not_null_validated):
        return
    if proves_not_null(relation, column, alteration.draft.catalog, alteration.context.search_path):
        return
    alteration.work(table).verify.append(f"no row may hold NULL in {column}")
    alteration.depends(f"fails if {table}.{column} holds NULL")


def add_not_null(alteration: Alteration, table: Name, column: str, node: Any, *, recurse: bool) -> None:
    """Add a NOT NULL constraint (PostgreSQL 18), here and below; ``node`` carries its name and NOT VALID."""
    relation = alteration.relation(table)
    alteration.column(table, column)
    no_inherit = node is not None and node.is_no_inherit
    if no_inherit and relation.kind is RelationKind.PARTITIONED:
        alteration.refuse("0A000", "not-null constraints on partitioned tables cannot be NO INHERIT")
    existing = not_null_constraint(alteration, table, column)
    if node is not None and node.conname:
        _refuse_name(alteration, table, column, node, existing)
    if existing is not None and node is not None:
        _refuse_merge(alteration, table, node, existing)
    if existing is not None and existing.validated:
        return
    if not no_inherit and not recurse and alteration.children(table):
        alteration.refuse("42P16", "constraint must be added to child tables too")
    members = [table] if no_inherit else list(alteration.family(table))
    if node is None or not node.skip_validation:
        for member in members:
            require_not_null(alteration, member, column)
    set_not_null(alteration.draft, table, column, node=node, recurse=recurse and not no_inherit)


def not_null_constraint(alteration: Alteration, table: Name, column: str) -> Constraint | None:
    """Return a column's NOT NULL constraint; servers before 18 keep none."""
    for constraint in alteration.relation(table).constraints.values():
        if constraint.kind is ConstraintKind.NOT_NULL and constraint.columns == (column,):
            return constraint
    return None


def _refuse_name(alteration: Alteration, table: Name, column: str, node: Any, existing: Constraint | None) -> None:
    name = clip(node.conname)
    if existing is not None and existing.name != name:
        alteration.refuse(
            "55000", f'cannot create not-null constraint "{name}" on column "{column}" of table "{table.name}"'
        )
    if existing is None and name in alteration.relation(table).constraints:
        alteration.refuse("42710", f'constraint "{name}" for relation "{table.name}" already exists')


def _refuse_merge(alteration: Alteration, table: Name, node: Any, existing: Constraint) -> None:
    if node.is_no_inherit is not existing.no_inherit:
        alteration.refuse(
            "55000",
            f'cannot change NO INHERIT status of NOT NULL constraint "{existing.name}" on relation "{table.name}"',
        )
    if not existing.validated and not node.skip_validation:
        alteration.refuse("55000", f'incompatible NOT VALID constraint "{existing.name}" on relation "{table.name}"')


# -- DROP NOT NULL ---------------------------------------------------------------------------------------------------


def run_drop_not_null(alteration: Alteration, command: Command) -> None:
    """Run DROP NOT NULL, here and below."""
    table, column = command.table, command.node.name
    relation = alteration.relation(table)
    found = alteration.column(table, column)
    _refuse_partial_drop(alteration, table)
    if found.not_null:
        refuse_needed_not_null(alteration, table, column)
        _refuse_inherited(alteration, table, column)
    if found.not_null or alteration.version < 18:
        partitioned = relation.kind is RelationKind.PARTITIONED
        below = alteration.recurse or partitioned or (alteration.version >= 18 and found.not_null)
        for member in alteration.family(table) if below else ():
            alteration.lock_table(member)
    alteration.apply(table, command.node, recurse=alteration.recurse)


def _refuse_partial_drop(alteration: Alteration, table: Name) -> None:
    if alteration.version >= 18 or alteration.recurse or not alteration.children(table):
        return
    if alteration.relation(table).kind is RelationKind.PARTITIONED:
        alteration.refuse("42P16", "cannot remove constraint from only the partitioned table when partitions exist")


def _refuse_inherited(alteration: Alteration, table: Name, column: str) -> None:
    relation = alteration.relation(table)
    if relation.bound is not None and relation.parents:
        parent = alteration.relation(relation.parents[0])
        if column in parent.columns and parent.columns[column].not_null:
            alteration.refuse("42P16", f'column "{column}" is marked NOT NULL in parent table')
    constraint = not_null_constraint(alteration, table, column)
    if constraint is not None and constraint.inherited:
        alteration.refuse("42P16", f'cannot drop inherited constraint "{constraint.name}" of relation "{table.name}"')


def refuse_needed_not_null(alteration: Alteration, table: Name, column: str) -> None:
    """Refuse to take NOT NULL from an identity, primary key or replica identity column."""
    relation = alteration.relation(table)
    if relation.columns[column].identity is not None:
        alteration.refuse("42601", f'column "{column}" of relation "{table.name}" is an identity column')
    if relation.bound is not None and alteration.version >= 18 and not _has_own_key(alteration, table, column):
        _refuse_inherited(alteration, table, column)
    for constraint in relation.constraints.values():
        if constraint.kind is ConstraintKind.PRIMARY_KEY and column in constraint.columns:
            if constraint.inherited and alteration.version >= 18:
                _refuse_inherited(alteration, table, column)
            alteration.refuse("42P16", f'column "{column}" is in a primary key')
    for index in alteration.draft.catalog.indexes_of(table):
        if index.replica_identity and any(key.column == column for key in index.keys):
            alteration.refuse("42P16", f'column "{column}" is in index used as replica identity')


def _has_own_key(alteration: Alteration, table: Name, column: str) -> bool:
    return any(
        constraint.kind is ConstraintKind.PRIMARY_KEY and column in constraint.columns and not constraint.inherited
        for constraint in alteration.relation(table).constraints.values()
    )


EXECUTE = {pg.AT_SetNotNull: run_set_not_null, pg.AT_DropNotNull: run_drop_not_null}
"""Action → what runs it."""

"""ADD, DROP, VALIDATE and ALTER CONSTRAINT of a table; keys, foreign keys and NOT NULL have modules of their own."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

from postgast import pg_query_pb2 as pg

from sluicegate.catalog.model import ConstraintKind, RelationKind
from sluicegate.catalog.naming import clip
from sluicegate.effects.alter_actions import KEYS, definition
from sluicegate.effects.dependencies import Sort, Thing
from sluicegate.effects.foreign_keys import add_foreign_key
from sluicegate.effects.key_constraints import add_key
from sluicegate.effects.model import LockMode
from sluicegate.effects.not_null import add_not_null, refuse_needed_not_null
from sluicegate.effects.removals import remove
from sluicegate.effects.table_expressions import read_check
from sluicegate.statements.nodes import same_tree, strings

if TYPE_CHECKING:
    from sluicegate.catalog.model import Constraint, Name
    from sluicegate.effects.alteration import Alteration, Command

_AX, _SRX, _RS, _AS = (
    LockMode.AccessExclusiveLock,
    LockMode.ShareRowExclusiveLock,
    LockMode.RowShareLock,
    LockMode.AccessShareLock,
)


def prepare_add_constraint(alteration: Alteration, command: Command) -> None:
    """Note the locks of ADD CONSTRAINT: from PostgreSQL 18 on, everything below the table is locked at once."""
    if alteration.version >= 18 and alteration.recurse:
        for member in alteration.family(command.table):
            alteration.lock_table(member)


def run_add_constraint(alteration: Alteration, command: Command) -> None:
    """Add a constraint of whatever sort."""
    node = definition(command.node)
    if node.contype == pg.CONSTR_FOREIGN:
        add_foreign_key(alteration, command.table, node, recurse=alteration.recurse)
    elif node.contype in KEYS:
        add_key(alteration, command.table, node)
    elif node.contype == pg.CONSTR_NOTNULL:
        add_not_null(alteration, command.table, strings(node.keys)[0], node, recurse=alteration.recurse)
    else:
        _add_check(alteration, command)


def _add_check(alteration: Alteration, command: Command) -> None:
    node = definition(command.node)
    relation = alteration.relation(command.table)
    found = read_check(alteration, relation, node.raw_expr)
    if clip(node.conname) in relation.constraints:
        _taken(alteration, command.table, node.conname)
    if node.is_no_inherit and relation.kind is RelationKind.PARTITIONED:
        alteration.refuse("42P16", f'cannot add NO INHERIT constraint to partitioned table "{command.table.name}"')
    if not node.is_no_inherit and not alteration.recurse and alteration.children(command.table):
        alteration.refuse("42P16", "constraint must be added to child tables too")
    checked = node.is_enforced and not node.skip_validation
    members = [command.table]
    if not node.is_no_inherit:
        _descend(alteration, command.table, node, members)
    for member in members:
        alteration.lock_table(member)
        if checked:
            alteration.work(member).verify.append(f"its rows are checked against {node.conname or 'a new CHECK'}")
    if checked:
        alteration.depends(f"fails if a row of {command.table} violates the CHECK{_over(found.columns)}")
    alteration.apply(command.table, command.node, recurse=alteration.recurse)


def _over(columns: tuple[str, ...]) -> str:
    return f" over {', '.join(columns)}" if columns else ""


def _descend(alteration: Alteration, table: Name, node: Any, members: list[Name]) -> None:
    """Gather the children that get the constraint; one that has the same already is not gone into further."""
    for child in alteration.children(table):
        alteration.lock_table(child.name)
        own = child.constraints.get(clip(node.conname)) if node.conname else None
        if own is None:
            if child.name not in members:
                members.append(child.name)
                _descend(alteration, child.name, node, members)
            continue
        name = child.name.name
        if own.kind is not ConstraintKind.CHECK or not _same_check(own, node):
            _taken(alteration, child.name, node.conname)
        if own.no_inherit:
            alteration.refuse(
                "42P17", f'constraint "{node.conname}" conflicts with non-inherited constraint on relation "{name}"'
            )
        if not own.validated and own.enforced and node.initially_valid and not node.skip_validation:
            alteration.refuse(
                "42P17", f'constraint "{node.conname}" conflicts with NOT VALID constraint on relation "{name}"'
            )


def _same_check(own: Constraint, node: Any) -> bool:
    return own.expression is not None and same_tree(own.expression.node, node.raw_expr)


def _taken(alteration: Alteration, table: Name, name: str) -> None:
    alteration.refuse("42710", f'constraint "{name}" for relation "{table.name}" already exists')


def _find(alteration: Alteration, table: Name, name: str) -> Constraint:
    found = alteration.relation(table).constraints.get(clip(name))
    if found is None:
        alteration.context.absent("42704", f'constraint "{name}" of relation "{table.name}" does not exist')
    return found


# -- DROP ------------------------------------------------------------------------------------------------------------


def prepare_drop_constraint(alteration: Alteration, command: Command) -> None:
    """Note the locks of DROP CONSTRAINT on partitions, which are taken even under ONLY."""
    if alteration.relation(command.table).kind is RelationKind.PARTITIONED:
        for member in alteration.family(command.table):
            alteration.lock_table(member)


def run_drop_constraint(alteration: Alteration, command: Command) -> None:
    """Drop a constraint, here and below."""
    name, table = command.node.name, command.table
    if clip(name) not in alteration.relation(table).constraints and command.node.missing_ok:
        return
    constraint = _find(alteration, table, name)
    if constraint.inherited and not command.recursing:
        alteration.refuse("42P16", f'cannot drop inherited constraint "{name}" of relation "{table.name}"')
    if constraint.kind is ConstraintKind.NOT_NULL:
        refuse_needed_not_null(alteration, table, constraint.columns[0])
    cascade = command.node.behavior == pg.DROP_CASCADE
    if constraint.references is not None:
        alteration.builder.lock(constraint.references, alteration.lock)
    _note_removal(alteration, table, constraint, cascade=cascade)
    if constraint.kind in {ConstraintKind.CHECK, ConstraintKind.NOT_NULL} and not constraint.no_inherit:
        _drop_below(alteration, table, constraint)
    alteration.apply(table, command.node, recurse=alteration.recurse)


def _note_removal(alteration: Alteration, table: Name, constraint: Constraint, *, cascade: bool) -> None:
    if constraint.kind is ConstraintKind.NOT_NULL:
        alteration.lock_table(table)
        return
    if not remove(alteration.now, [Thing(Sort.CONSTRAINT, table, constraint.name)], cascade=cascade):
        refusal = alteration.builder.refusal
        alteration.refuse(refusal.sqlstate if refusal else "2BP01", refusal.message if refusal else "")


def _drop_below(alteration: Alteration, table: Name, constraint: Constraint) -> None:
    children = alteration.children(table)
    partitioned = alteration.relation(table).kind is RelationKind.PARTITIONED
    if partitioned and children and not alteration.recurse and alteration.version < 18:
        alteration.refuse("42P16", "cannot remove constraint from only the partitioned table when partitions exist")
    for child in children:
        alteration.lock_table(child.name)
        own = child.constraints.get(constraint.name)
        if alteration.recurse and own is not None and own.inherited == 1 and not own.local:
            if child.bound is None:
                _note_removal(alteration, child.name, own, cascade=False)
            _drop_below(alteration, child.name, own)


# -- VALIDATE --------------------------------------------------------------------------------------------------------


def run_validate_constraint(alteration: Alteration, command: Command) -> None:
    """Validate a constraint; one that is valid already costs nothing but the lock."""
    table, name = command.table, command.node.name
    constraint = _find(alteration, table, name)
    kinds = {ConstraintKind.CHECK, ConstraintKind.FOREIGN_KEY, ConstraintKind.NOT_NULL}
    if constraint.kind not in kinds:
        message = f'constraint "{name}" of relation "{table.name}" is not a foreign key or check constraint'
        if alteration.version >= 18:
            message = f'cannot validate constraint "{name}" of relation "{table.name}"'
        alteration.refuse("42809", message)
    if not constraint.enforced:
        alteration.refuse("55000", "cannot validate NOT ENFORCED constraint")
    if constraint.validated:
        return
    if constraint.kind is ConstraintKind.FOREIGN_KEY:
        _validate_foreign_key(alteration, table, constraint)
    else:
        _validate_rows(alteration, table, constraint)
    alteration.apply(table, command.node, recurse=alteration.recurse)


def _validate_foreign_key(alteration: Alteration, table: Name, constraint: Constraint) -> None:
    if constraint.references is None:
        return
    if alteration.relation(table).kind is RelationKind.PARTITIONED:
        for member in alteration.family(table):
            alteration.lock_table(member)
    alteration.builder.lock(constraint.references, _RS)
    target = alteration.draft.catalog.relations.get(constraint.references)
    if target is not None and target.kind is RelationKind.PARTITIONED:
        for partition in alteration.draft.catalog.descendants_of(target.name):
            alteration.builder.lock(partition, _AS)
    alteration.work(table).foreign_keys.append(constraint.name)


def _validate_rows(alteration: Alteration, table: Name, constraint: Constraint) -> None:
    children = alteration.children(table)
    if not alteration.recurse and children and not constraint.no_inherit:
        alteration.refuse("42P16", "constraint must be validated on child tables too")
    members = [table] if constraint.no_inherit else list(alteration.family(table))
    for member in members:
        own = _counterpart(alteration, member, constraint)
        if own is not None and not own.validated:
            alteration.work(member).verify.append(f"constraint {own.name} is validated")
    what = f"{constraint.columns[0]} holds NULL" if constraint.kind is ConstraintKind.NOT_NULL else "a row violates it"
    alteration.depends(f"fails if in {table} {what}")


def _counterpart(alteration: Alteration, member: Name, constraint: Constraint) -> Constraint | None:
    for own in alteration.relation(member).constraints.values():
        if own.kind is not constraint.kind:
            continue
        if own.name == constraint.name if own.kind is ConstraintKind.CHECK else own.columns == constraint.columns:
            return own
    return None


# -- ALTER CONSTRAINT ------------------------------------------------------------------------------------------------


def run_alter_constraint(alteration: Alteration, command: Command) -> None:
    """Change whether a foreign key is deferrable or enforced, or a NOT NULL inherited (PostgreSQL 18)."""
    node, table = definition(command.node), command.table
    constraint = _find(alteration, table, node.conname)
    subject = f'constraint "{node.conname}" of relation "{table.name}"'
    is_foreign_key = constraint.kind is ConstraintKind.FOREIGN_KEY
    if alteration.version < 18 and not is_foreign_key:
        alteration.refuse("42809", f"{subject} is not a foreign key constraint")
    if node.alter_deferrability and not is_foreign_key:
        alteration.refuse("42809", f"{subject} is not a foreign key constraint")
    if node.alter_enforceability and not is_foreign_key:
        alteration.refuse("42809", f"cannot alter enforceability of {subject}")
    if node.alter_inheritability and constraint.kind is not ConstraintKind.NOT_NULL:
        alteration.refuse("42809", f"{subject} is not a not-null constraint")
    if is_foreign_key and constraint.inherited:
        sqlstate = "55000" if alteration.version >= 17 else "XX000"
        alteration.refuse(sqlstate, f'cannot alter constraint "{node.conname}" on relation "{table.name}"')
    enforcement = node.alter_enforceability and node.is_enforced is not constraint.enforced
    deferral = node.alter_deferrability and (node.deferrable is not constraint.deferrable or node.initdeferred)
    changes = enforcement or deferral
    partitioned = alteration.relation(table).kind is RelationKind.PARTITIONED
    if partitioned and is_foreign_key and (changes or alteration.version < 18):
        for member in alteration.family(table):
            alteration.lock_table(member)
    if enforcement:
        _change_enforcement(alteration, table, constraint, enforced=node.is_enforced)
    if node.alter_inheritability:
        _change_inheritance(alteration, table, constraint, no_inherit=node.noinherit)
    alteration.apply(table, command.node)


def _change_enforcement(alteration: Alteration, table: Name, constraint: Constraint, *, enforced: bool) -> None:
    if constraint.references is None:
        return
    lock = _SRX if enforced else _AX
    alteration.builder.lock(constraint.references, lock)
    for partition in alteration.draft.catalog.descendants_of(constraint.references):
        alteration.builder.lock(partition, lock)
    if enforced:
        alteration.draft.put_constraint(table, replace(constraint, enforced=True))
        alteration.work(table).foreign_keys.append(constraint.name)


def _change_inheritance(alteration: Alteration, table: Name, constraint: Constraint, *, no_inherit: bool) -> None:
    if constraint.inherited:
        alteration.refuse("42P16", f'cannot alter inherited constraint "{constraint.name}" on relation "{table.name}"')
    if constraint.no_inherit == no_inherit:
        return
    for child in alteration.children(table):
        alteration.lock_table(child.name)
        if not no_inherit:
            add_not_null(alteration, child.name, constraint.columns[0], None, recurse=True)

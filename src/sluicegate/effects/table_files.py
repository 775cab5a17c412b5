"""Actions that may give a table another file: SET LOGGED and UNLOGGED, SET TABLESPACE, SET ACCESS METHOD."""

from __future__ import annotations

from typing import TYPE_CHECKING

from postgast import pg_query_pb2 as pg

from sluicegate.catalog.builtins import builtins
from sluicegate.catalog.model import Relation, RelationKind
from sluicegate.effects.index_definition import check_tablespace
from sluicegate.effects.model import LockMode

if TYPE_CHECKING:
    from collections.abc import Callable

    from sluicegate.effects.alteration import Alteration, Command

_AX = LockMode.AccessExclusiveLock


def prepare_persistence(alteration: Alteration, command: Command) -> None:
    """Examine SET LOGGED and SET UNLOGGED (``ATPrepChangePersistence``)."""
    relation, name = alteration.relation(command.table), command.table.name
    if alteration.persistence_changed:
        alteration.refuse("0A000", "cannot change persistence setting twice")
    logged = command.node.subtype == pg.AT_SetLogged
    wanted = "permanent" if logged else "unlogged"
    if relation.persistence == "temporary":
        alteration.refuse("42P16", f'cannot change logged status of table "{name}" because it is temporary')
    if relation.persistence == wanted:
        return
    if not logged and _is_published(alteration, relation):
        alteration.refuse("55000", f'cannot change table "{name}" to unlogged because it is part of a publication')
    _refuse_references(alteration, relation, logged=logged)
    alteration.persistence_changed = True
    if relation.kind is RelationKind.PARTITIONED:
        return
    alteration.work(relation.name).rewrite.append(f"the table becomes {'logged' if logged else 'unlogged'}")
    for sequence in alteration.draft.catalog.relations.values():
        if sequence.owned_by is not None and sequence.owned_by[0] == relation.name:
            alteration.builder.lock(sequence, _AX)


def _is_published(alteration: Alteration, relation: Relation) -> bool:
    return any(
        publication.tables is not None and relation.name in publication.tables
        for publication in alteration.draft.catalog.publications.values()
    )


def _refuse_references(alteration: Alteration, relation: Relation, *, logged: bool) -> None:
    catalog, name = alteration.draft.catalog, relation.name
    message = f'could not change table "{name.name}" to {"logged" if logged else "unlogged"} because it references'
    if logged:
        for constraint in relation.constraints.values():
            target = catalog.relations.get(constraint.references) if constraint.references is not None else None
            if target is not None and target.name != name and target.persistence != "permanent":
                alteration.refuse("42P16", f'{message} unlogged table "{target.name.name}"')
        return
    above = relation
    referenced = [name]
    while above.bound is not None and above.parents:
        # A foreign key to a partitioned table points to each of its partitions.
        above = catalog.relations[above.parents[0]]
        referenced.append(above.name)
    for wanted in referenced:
        for other, _ in catalog.foreign_keys_to(wanted):
            if other.name != name and other.persistence == "permanent":
                alteration.refuse("42P16", f'{message} logged table "{other.name.name}"')


def prepare_tablespace(alteration: Alteration, command: Command) -> None:
    """Examine SET TABLESPACE."""
    if command.node.name == "pg_global":
        alteration.refuse("22023", "only shared relations can be placed in pg_global tablespace")
    if alteration.tablespace_changed:
        alteration.refuse("42601", "cannot have multiple SET TABLESPACE subcommands")
    alteration.tablespace_changed = True
    check_tablespace(alteration.context, command.node.name)
    relation = alteration.relation(command.table)
    current = relation.tablespace or "pg_default"
    if command.node.name != current and relation.kind is not RelationKind.PARTITIONED:
        alteration.work(command.table).copy = True


def prepare_access_method(alteration: Alteration, command: Command) -> None:
    """Examine SET ACCESS METHOD: another one rewrites the table."""
    relation, wanted = alteration.relation(command.table), command.node.name
    if relation.kind is RelationKind.PARTITIONED and alteration.version < 17:
        alteration.refuse("42809", "cannot change access method of a partitioned table")
    if alteration.access_method_changed:
        alteration.refuse("42601", "cannot have multiple SET ACCESS METHOD subcommands")
    alteration.access_method_changed = True
    if not wanted:
        return
    method = builtins(alteration.version).access_methods.get(wanted)
    if method is None:
        alteration.context.absent("42704", f'access method "{wanted}" does not exist')
    if method.kind != "t":
        alteration.refuse("55000", f'access method "{wanted}" is not of type TABLE')
    if wanted != (relation.access_method or "heap"):
        alteration.work(command.table).rewrite.append(f"the table moves to access method {wanted}")


PREPARE: dict[int, Callable[[Alteration, Command], None]] = {
    pg.AT_SetLogged: prepare_persistence,
    pg.AT_SetUnLogged: prepare_persistence,
    pg.AT_SetTableSpace: prepare_tablespace,
    pg.AT_SetAccessMethod: prepare_access_method,
}
"""Action → what is examined before any action runs."""

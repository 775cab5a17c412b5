"""Actions of ALTER TABLE on the table as a whole: parameters, clustering, replica identity, owner, triggers, rules."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NoReturn

from postgast import pg_query_pb2 as pg

from sluicegate.catalog.builtins import builtins
from sluicegate.catalog.model import ConstraintKind, Index, Name, RelationKind
from sluicegate.effects.alter_actions import definition, options_target
from sluicegate.effects.context import Unknowable
from sluicegate.effects.model import LockMode
from sluicegate.effects.relation_options import check_options
from sluicegate.statements.nodes import unwrap

if TYPE_CHECKING:
    from collections.abc import Callable

    from sluicegate.effects.alteration import Alteration, Command

_AX, _SUX, _S = LockMode.AccessExclusiveLock, LockMode.ShareUpdateExclusiveLock, LockMode.ShareLock


# -- storage parameters ---------------------------------------------------------------------------------------------


def run_options(alteration: Alteration, command: Command) -> None:
    """Run SET (…) and RESET (…) of storage parameters."""
    relation, items = alteration.relation(command.table), definition(command.node).items
    resetting = command.node.subtype == pg.AT_ResetRelOptions
    names = [unwrap(item).defname for item in items]
    if resetting and any(unwrap(item).HasField("arg") for item in items):
        alteration.refuse("42601", "RESET must not include values for parameters")
    if resetting:
        alteration.apply(command.table, command.node, recurse=False)
        return
    if relation.kind is RelationKind.PARTITIONED:
        alteration.refuse("42809", "cannot specify storage parameters for a partitioned table")
    for name in names:
        if names.count(name) > 1:
            alteration.refuse("22023", f'parameter "{name}" specified more than once')
    refusal = check_options(items, options_target(relation), alteration.version)
    if refusal is not None:
        alteration.refuse(refusal.sqlstate, refusal.message)
    alteration.apply(command.table, command.node, recurse=False)


# -- clustering, replica identity ------------------------------------------------------------------------------------


def run_cluster_on(alteration: Alteration, command: Command) -> None:
    """Run CLUSTER ON: a mark for a later CLUSTER."""
    index = _own_index(alteration, command)
    if alteration.relation(command.table).kind is RelationKind.PARTITIONED:
        alteration.refuse("0A000", "cannot mark index clustered in partitioned table")
    name = index.name.name
    method = builtins(alteration.version).access_methods.get(index.method)
    if method is not None and not method.clusters:
        alteration.refuse(
            "0A000", f'cannot cluster on index "{name}" because access method does not support clustering'
        )
    if index.predicate is not None:
        alteration.refuse("0A000", f'cannot cluster on partial index "{name}"')
    if not index.valid:
        alteration.refuse("0A000", f'cannot cluster on invalid index "{name}"')
    alteration.builder.lock(index, _SUX)


def run_drop_cluster(alteration: Alteration, command: Command) -> None:
    """Run SET WITHOUT CLUSTER."""
    if alteration.relation(command.table).kind is RelationKind.PARTITIONED:
        alteration.refuse("0A000", "cannot mark index clustered in partitioned table")


def _own_index(alteration: Alteration, command: Command) -> Index:
    table, name = command.table, command.node.name or definition(command.node).name
    catalog, full = alteration.draft.catalog, Name(table.schema, name)
    index = catalog.indexes.get(full)
    if index is None and full not in catalog.relations:
        alteration.context.absent("42704", f'index "{name}" for table "{table.name}" does not exist')
    if index is None or index.table != table:
        alteration.refuse("42809", f'"{name}" is not an index for table "{table.name}"')
    return index


def run_replica_identity(alteration: Alteration, command: Command) -> None:
    """Run REPLICA IDENTITY."""
    wanted = definition(command.node)
    if wanted.identity_type != "i":
        alteration.apply(command.table, command.node, recurse=False)
        return
    index, relation = _own_index(alteration, command), alteration.relation(command.table)
    name = index.name.name
    constraint = relation.constraints.get(index.constraint or "")
    if not index.unique:
        alteration.refuse("42809", f'cannot use non-unique index "{name}" as replica identity')
    if constraint is not None and constraint.deferrable:
        alteration.refuse("0A000", f'cannot use non-immediate index "{name}" as replica identity')
    if any(key.expression is not None for key in index.keys):
        alteration.refuse("0A000", f'cannot use expression index "{name}" as replica identity')
    if index.predicate is not None:
        alteration.refuse("0A000", f'cannot use partial index "{name}" as replica identity')
    for key in index.keys:
        if not relation.columns[key.column or ""].not_null:
            alteration.refuse(
                "42809",
                f'index "{name}" cannot be used as replica identity because column "{key.column}" is nullable',
            )
    alteration.builder.lock(index, _S)
    alteration.apply(command.table, command.node, recurse=False)


# -- owner -----------------------------------------------------------------------------------------------------------

_SAME_OWNER = {pg.ROLESPEC_CURRENT_USER, pg.ROLESPEC_CURRENT_ROLE, pg.ROLESPEC_SESSION_USER}
SUPERUSER = "postgres"
"""The role that owns what a schema dump without owners restores."""


def run_owner(alteration: Alteration, command: Command) -> None:
    """Run OWNER TO: indexes and owned sequences change hands too, unless the owner stays the same."""
    relation, role = alteration.relation(command.table), command.node.newowner
    if relation.owned_by is not None:
        alteration.refuse("0A000", f'cannot change owner of sequence "{relation.name.name}"')
    if role.roletype in _SAME_OWNER or role.rolename == SUPERUSER:
        return
    alteration.depends(f"fails if the role {role.rolename} does not exist")
    for index in alteration.draft.catalog.indexes_of(relation.name):
        if index.name in alteration.before.indexes:
            alteration.builder.lock(index, _AX)
    for sequence in alteration.before.relations.values():
        if sequence.owned_by is not None and sequence.owned_by[0] == relation.name:
            alteration.builder.lock(sequence, _AX)


# -- typed tables ----------------------------------------------------------------------------------------------------


def run_add_of(alteration: Alteration, command: Command) -> None:
    """Run OF: the table follows a composite type from now on."""
    from sluicegate.catalog.types import same_type

    type_name = definition(command.node)
    relation = alteration.relation(command.table)
    sql_type = alteration.now.require_type(type_name)
    row = alteration.draft.catalog.relations.get(sql_type.name)
    if row is None or row.kind is not RelationKind.COMPOSITE:
        alteration.refuse("42809", f"type {sql_type.name.name} is not a composite type")
    alteration.builder.lock(row, LockMode.AccessShareLock)
    own = list(relation.columns.values())
    for position, wanted in enumerate(row.columns.values()):
        if position >= len(own):
            alteration.refuse("42804", f'table is missing column "{wanted.name}"')
        if own[position].name != wanted.name:
            found = own[position].name
            alteration.refuse("42804", f'table has column "{found}" where type requires "{wanted.name}"')
        if not same_type(own[position].type, wanted.type):
            name = command.table.name
            alteration.refuse("42804", f'table "{name}" has different type for column "{wanted.name}"')
    if len(own) > len(row.columns):
        alteration.refuse("42804", f'table has extra column "{own[len(row.columns)].name}"')
    if relation.parents:
        alteration.refuse("42809", "typed tables cannot inherit")
    alteration.apply(command.table, command.node, recurse=False)


def run_drop_of(alteration: Alteration, command: Command) -> None:
    """Run NOT OF."""
    if alteration.relation(command.table).of_type is None:
        alteration.refuse("42809", f'"{command.table.name}" is not a typed table')
    alteration.apply(command.table, command.node, recurse=False)


# -- triggers, rules, row security -----------------------------------------------------------------------------------


def run_trigger(alteration: Alteration, command: Command) -> None:
    """Run ENABLE and DISABLE TRIGGER; a row trigger of a partitioned table is switched on its partitions too."""
    relation, node = alteration.relation(command.table), command.node
    if node.name:
        if node.name not in relation.triggers:
            alteration.context.absent("42704", f'trigger "{node.name}" for table "{command.table.name}" does not exist')
        switched = [relation.triggers[node.name]]
    else:
        switched = list(relation.triggers.values())
    rows = any(trigger.for_each_row for trigger in switched)
    if node.subtype in {pg.AT_EnableTrigAll, pg.AT_DisableTrigAll}:
        # A foreign key on a partitioned table has row triggers of its own, which ALL switches as well.
        rows = rows or any(one.kind is ConstraintKind.FOREIGN_KEY for one in relation.constraints.values())
    if relation.kind is RelationKind.PARTITIONED and alteration.recurse and rows:
        for member in alteration.family(command.table):
            alteration.lock_table(member)
    alteration.apply(command.table, node, recurse=alteration.recurse)


def run_rule(alteration: Alteration, command: Command) -> None:
    """Run ENABLE and DISABLE RULE."""
    name = command.node.name
    if name not in alteration.relation(command.table).rules:
        alteration.context.absent("42704", f'rule "{name}" for relation "{command.table.name}" does not exist')


def run_plain(alteration: Alteration, command: Command) -> None:
    """Run an action that only changes the catalogs."""
    alteration.apply(command.table, command.node, recurse=False)


def not_modelled(alteration: Alteration, command: Command) -> NoReturn:
    """Leave because an action is not known."""
    del alteration
    raise Unknowable(f"what {pg.AlterTableType.Name(command.node.subtype)} does is not modelled")


_TRIGGERS = (
    *(pg.AT_EnableTrig, pg.AT_EnableAlwaysTrig, pg.AT_EnableReplicaTrig, pg.AT_DisableTrig),
    *(pg.AT_EnableTrigAll, pg.AT_DisableTrigAll, pg.AT_EnableTrigUser, pg.AT_DisableTrigUser),
)
_RULES = (pg.AT_EnableRule, pg.AT_EnableAlwaysRule, pg.AT_EnableReplicaRule, pg.AT_DisableRule)
_PLAIN = (
    *(pg.AT_EnableRowSecurity, pg.AT_DisableRowSecurity, pg.AT_ForceRowSecurity, pg.AT_NoForceRowSecurity),
    *(pg.AT_SetLogged, pg.AT_SetUnLogged, pg.AT_SetTableSpace, pg.AT_SetAccessMethod, pg.AT_DropOids),
    *(pg.AT_GenericOptions, pg.AT_AlterColumnGenericOptions),
)

EXECUTE: dict[int, Callable[[Alteration, Command], Any]] = {
    **dict.fromkeys(_PLAIN, run_plain),
    **dict.fromkeys(_TRIGGERS, run_trigger),
    **dict.fromkeys(_RULES, run_rule),
    pg.AT_SetRelOptions: run_options,
    pg.AT_ResetRelOptions: run_options,
    pg.AT_ClusterOn: run_cluster_on,
    pg.AT_DropCluster: run_drop_cluster,
    pg.AT_ReplicaIdentity: run_replica_identity,
    pg.AT_ChangeOwner: run_owner,
    pg.AT_AddOf: run_add_of,
    pg.AT_DropOf: run_drop_of,
}
"""Action → what runs it."""

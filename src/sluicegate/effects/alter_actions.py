"""What each action of ALTER TABLE may be applied to, which lock it asks for and when in the statement it runs."""

from __future__ import annotations

import enum
from typing import TYPE_CHECKING, Any, NamedTuple

from postgast import pg_query_pb2 as pg

from sluicegate.catalog.model import Index, Relation, RelationKind
from sluicegate.effects.model import LockMode
from sluicegate.effects.relation_options import options_lock
from sluicegate.statements.nodes import unwrap

if TYPE_CHECKING:
    from collections.abc import Iterable

_AX = LockMode.AccessExclusiveLock
_SRX = LockMode.ShareRowExclusiveLock
_SUX = LockMode.ShareUpdateExclusiveLock


class Pass(enum.IntEnum):
    """The order in which the server runs the actions of one statement (``AlterTablePass`` in tablecmds.c)."""

    DROP = 0
    ALTER_TYPE = 1
    ADD_COLUMN = 2
    SET_EXPRESSION = 3
    COLUMN_ATTRIBUTES = 4
    ADD_INDEX = 5
    ADD_OTHER_CONSTRAINT = 6
    MISC = 7


class Action(NamedTuple):
    """One sort of action: the server's words for it, the kinds of relation that accept it, its pass and its lock."""

    words: str
    kinds: str
    run: Pass
    lock: LockMode = _AX


LETTERS = {
    RelationKind.TABLE: "r",
    RelationKind.PARTITIONED: "p",
    RelationKind.VIEW: "v",
    RelationKind.MATERIALIZED_VIEW: "m",
    RelationKind.SEQUENCE: "S",
    RelationKind.COMPOSITE: "c",
    RelationKind.FOREIGN: "f",
}
"""Kinds of relation as ``pg_class.relkind`` writes them."""

# PostgreSQL 18, tablecmds.c: alter_table_type_to_string, the ATSimplePermissions calls of ATPrepCmd, the passes set
# there, and AlterTableGetLockLevel.
ACTIONS: dict[int, Action] = {
    pg.AT_AddColumn: Action("ADD COLUMN", "rpcf", Pass.ADD_COLUMN),
    pg.AT_ColumnDefault: Action("ALTER COLUMN ... SET DEFAULT", "rpvf", Pass.ADD_OTHER_CONSTRAINT),
    pg.AT_DropNotNull: Action("ALTER COLUMN ... DROP NOT NULL", "rpf", Pass.DROP),
    pg.AT_SetNotNull: Action("ALTER COLUMN ... SET NOT NULL", "rpf", Pass.COLUMN_ATTRIBUTES),
    pg.AT_SetExpression: Action("ALTER COLUMN ... SET EXPRESSION", "rpf", Pass.SET_EXPRESSION),
    pg.AT_DropExpression: Action("ALTER COLUMN ... DROP EXPRESSION", "rpf", Pass.DROP),
    pg.AT_SetStatistics: Action("ALTER COLUMN ... SET STATISTICS", "rpmiIf", Pass.MISC, _SUX),
    pg.AT_SetOptions: Action("ALTER COLUMN ... SET", "rpmf", Pass.MISC, _SUX),
    pg.AT_ResetOptions: Action("ALTER COLUMN ... RESET", "rpmf", Pass.MISC, _SUX),
    pg.AT_SetStorage: Action("ALTER COLUMN ... SET STORAGE", "rpmf", Pass.MISC),
    pg.AT_SetCompression: Action("ALTER COLUMN ... SET COMPRESSION", "rpm", Pass.MISC),
    pg.AT_DropColumn: Action("DROP COLUMN", "rpcf", Pass.DROP),
    pg.AT_AddConstraint: Action("ADD CONSTRAINT", "rpf", Pass.ADD_OTHER_CONSTRAINT),
    pg.AT_AlterConstraint: Action("ALTER CONSTRAINT", "rp", Pass.MISC),
    pg.AT_ValidateConstraint: Action("VALIDATE CONSTRAINT", "rpf", Pass.MISC, _SUX),
    pg.AT_DropConstraint: Action("DROP CONSTRAINT", "rpf", Pass.DROP),
    pg.AT_AlterColumnType: Action("ALTER COLUMN ... SET DATA TYPE", "rpcf", Pass.ALTER_TYPE),
    pg.AT_AlterColumnGenericOptions: Action("ALTER COLUMN ... OPTIONS", "f", Pass.MISC),
    pg.AT_ChangeOwner: Action("OWNER TO", "rpvmSiIcf", Pass.MISC),
    pg.AT_ClusterOn: Action("CLUSTER ON", "rpm", Pass.MISC, _SUX),
    pg.AT_DropCluster: Action("SET WITHOUT CLUSTER", "rpm", Pass.MISC, _SUX),
    pg.AT_SetLogged: Action("SET LOGGED", "rS", Pass.MISC),
    pg.AT_SetUnLogged: Action("SET UNLOGGED", "rS", Pass.MISC),
    pg.AT_DropOids: Action("SET WITHOUT OIDS", "rpf", Pass.DROP),
    pg.AT_SetAccessMethod: Action("SET ACCESS METHOD", "rpm", Pass.MISC),
    pg.AT_SetTableSpace: Action("SET TABLESPACE", "rpmiI", Pass.MISC),
    pg.AT_SetRelOptions: Action("SET", "rpvmi", Pass.MISC),
    pg.AT_ResetRelOptions: Action("RESET", "rpvmi", Pass.MISC),
    pg.AT_EnableTrig: Action("ENABLE TRIGGER", "rpf", Pass.MISC, _SRX),
    pg.AT_EnableAlwaysTrig: Action("ENABLE ALWAYS TRIGGER", "rpf", Pass.MISC, _SRX),
    pg.AT_EnableReplicaTrig: Action("ENABLE REPLICA TRIGGER", "rpf", Pass.MISC, _SRX),
    pg.AT_DisableTrig: Action("DISABLE TRIGGER", "rpf", Pass.MISC, _SRX),
    pg.AT_EnableTrigAll: Action("ENABLE TRIGGER ALL", "rpf", Pass.MISC, _SRX),
    pg.AT_DisableTrigAll: Action("DISABLE TRIGGER ALL", "rpf", Pass.MISC, _SRX),
    pg.AT_EnableTrigUser: Action("ENABLE TRIGGER USER", "rpf", Pass.MISC, _SRX),
    pg.AT_DisableTrigUser: Action("DISABLE TRIGGER USER", "rpf", Pass.MISC, _SRX),
    pg.AT_EnableRule: Action("ENABLE RULE", "rp", Pass.MISC),
    pg.AT_EnableAlwaysRule: Action("ENABLE ALWAYS RULE", "rp", Pass.MISC),
    pg.AT_EnableReplicaRule: Action("ENABLE REPLICA RULE", "rp", Pass.MISC),
    pg.AT_DisableRule: Action("DISABLE RULE", "rp", Pass.MISC),
    pg.AT_AddInherit: Action("INHERIT", "rpf", Pass.MISC),
    pg.AT_DropInherit: Action("NO INHERIT", "rpf", Pass.MISC),
    pg.AT_AddOf: Action("OF", "rp", Pass.MISC),
    pg.AT_DropOf: Action("NOT OF", "rp", Pass.MISC),
    pg.AT_ReplicaIdentity: Action("REPLICA IDENTITY", "rpm", Pass.MISC),
    pg.AT_EnableRowSecurity: Action("ENABLE ROW SECURITY", "rp", Pass.MISC),
    pg.AT_DisableRowSecurity: Action("DISABLE ROW SECURITY", "rp", Pass.MISC),
    pg.AT_ForceRowSecurity: Action("FORCE ROW SECURITY", "rp", Pass.MISC),
    pg.AT_NoForceRowSecurity: Action("NO FORCE ROW SECURITY", "rp", Pass.MISC),
    pg.AT_GenericOptions: Action("OPTIONS", "f", Pass.MISC),
    pg.AT_AttachPartition: Action("ATTACH PARTITION", "rpI", Pass.MISC, _SUX),
    pg.AT_DetachPartition: Action("DETACH PARTITION", "rp", Pass.MISC),
    pg.AT_DetachPartitionFinalize: Action("DETACH PARTITION ... FINALIZE", "rp", Pass.MISC, _SUX),
    pg.AT_AddIdentity: Action("ALTER COLUMN ... ADD IDENTITY", "rpvf", Pass.ADD_OTHER_CONSTRAINT),
    pg.AT_SetIdentity: Action("ALTER COLUMN ... SET", "rpvf", Pass.COLUMN_ATTRIBUTES),
    pg.AT_DropIdentity: Action("ALTER COLUMN ... DROP IDENTITY", "rpvf", Pass.DROP),
}


def run_of(command: Any) -> Pass:
    """Return when an action runs."""
    if command.subtype == pg.AT_ColumnDefault and not command.HasField("def"):
        return Pass.DROP
    if command.subtype == pg.AT_AddConstraint:
        return constraint_run(definition(command))
    return ACTIONS[command.subtype].run


def constraint_run(constraint: Any) -> Pass:
    """Return when a constraint of this sort is added."""
    if constraint.contype in KEYS:
        return Pass.ADD_INDEX
    return Pass.COLUMN_ATTRIBUTES if constraint.contype == pg.CONSTR_NOTNULL else Pass.ADD_OTHER_CONSTRAINT


KEYS = frozenset({pg.CONSTR_PRIMARY, pg.CONSTR_UNIQUE, pg.CONSTR_EXCLUSION})
"""Constraints that an index backs."""


def definition(command: Any) -> Any:
    """Return the message in an action's ``def``, or None."""
    return unwrap(getattr(command, "def"))


def lock_of(command: Any, target: Relation | Index) -> LockMode:
    """Return the lock that an action asks for on its relation."""
    if command.subtype in {pg.AT_SetRelOptions, pg.AT_ResetRelOptions}:
        names = [unwrap(item).defname for item in definition(command).items]
        return options_lock(names, options_target(target))
    if command.subtype == pg.AT_AddConstraint and definition(command).contype == pg.CONSTR_FOREIGN:
        return _SRX
    if command.subtype == pg.AT_DetachPartition and definition(command).concurrent:
        return _SUX
    action = ACTIONS.get(command.subtype)
    return action.lock if action is not None else _AX


def options_target(target: Relation | Index) -> str:
    """Return the word by which ``relation_options`` knows the storage parameters of a relation."""
    if isinstance(target, Index):
        return target.method
    return "view" if target.kind is RelationKind.VIEW else "table"


def strongest(commands: Iterable[Any], target: Relation | Index) -> LockMode:
    """Return the strongest lock among a statement's actions, which is taken before the first of them runs."""
    return max((lock_of(command, target) for command in commands), default=_AX)

"""FOREIGN KEY constraints added to tables that exist: what they need, lock and check."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NoReturn

from postgast import pg_query_pb2 as pg

from sluicegate.catalog.model import ConstraintKind, Generated, Relation, RelationKind
from sluicegate.catalog.naming import clip
from sluicegate.catalog.type_facts import type_facts
from sluicegate.catalog.types import display
from sluicegate.effects.key_equality import key_class, key_equality
from sluicegate.effects.model import LockMode
from sluicegate.statements.nodes import strings

if TYPE_CHECKING:
    from sluicegate.catalog.model import Constraint, Index, Name
    from sluicegate.effects.alteration import Alteration

_SRX = LockMode.ShareRowExclusiveLock
_SETS = {"n": "SET NULL", "d": "SET DEFAULT"}


def add_foreign_key(alteration: Alteration, table: Name, node: Any, *, recurse: bool) -> None:
    """Add a foreign key, as ATAddForeignKeyConstraint does; ``node`` is the ``Constraint`` with its ``fk_attrs``."""
    relation = alteration.relation(table)
    if clip(node.conname) in relation.constraints:
        alteration.refuse("42710", f'constraint "{node.conname}" for relation "{table.name}" already exists')
    referenced = _referenced(alteration, node)
    alteration.builder.lock(referenced, _SRX)
    _refuse_partitioned(alteration, relation, referenced, node, recurse=recurse)
    _refuse_kinds(alteration, relation, referenced)
    columns = strings(node.fk_attrs)
    _require_columns(alteration, relation, columns)
    _refuse_generated(alteration, relation, columns, node)
    _refuse_set_columns(alteration, columns, node)
    index = _referenced_key(alteration, referenced, strings(node.pk_attrs))
    keys = strings(node.pk_attrs) or tuple(key.column or "" for key in index.keys)
    if len(columns) != len(keys):
        alteration.refuse("42830", "number of referencing and referenced columns for foreign key disagree")
    name = node.conname or "_".join([table.name, *columns, "fkey"])
    require_comparable(alteration, relation, referenced, columns, keys, index, clip(name))
    _lock_partitions(alteration, table, referenced.name)
    known = set(relation.constraints)
    own = {leaf: _matching(alteration, leaf, node, referenced.name) for leaf in alteration.leaves(table)}
    if table not in own and any(own.values()):
        # A partition's own key becomes part of the parent's, and its triggers on the referenced table are dropped.
        alteration.builder.lock(referenced, LockMode.AccessExclusiveLock)
    _add(alteration, table, node)
    if node.skip_validation or not node.is_enforced:
        return
    added = next(name for name in alteration.relation(table).constraints if name not in known)
    for leaf in alteration.leaves(table):
        if leaf == table or not own[leaf]:
            alteration.work(table).foreign_keys.append(added)
            return


def _add(alteration: Alteration, table: Name, node: Any) -> None:
    command = pg.AlterTableCmd(subtype=pg.AT_AddConstraint)
    getattr(command, "def").constraint.CopyFrom(node)
    alteration.apply(table, command)


def _referenced(alteration: Alteration, node: Any) -> Relation:
    context = alteration.now
    found = context.relation_or_index(node.pktable)
    if found is None:
        context.missing(node.pktable)
    if not isinstance(found, Relation):
        alteration.refuse("42809", f'referenced relation "{found.name.name}" is not a table')
    return found


def _refuse_partitioned(
    alteration: Alteration, relation: Relation, referenced: Relation, node: Any, *, recurse: bool
) -> None:
    if relation.kind is not RelationKind.PARTITIONED:
        return
    pair = f'partitioned table "{relation.name.name}" referencing relation "{referenced.name.name}"'
    if not recurse:
        alteration.refuse("42809", f"cannot use ONLY for foreign key on {pair}")
    if alteration.version < 18 and node.skip_validation and not node.initially_valid:
        alteration.refuse("42809", f"cannot add NOT VALID foreign key on {pair}")


def _refuse_kinds(alteration: Alteration, relation: Relation, referenced: Relation) -> None:
    if referenced.kind not in {RelationKind.TABLE, RelationKind.PARTITIONED}:
        alteration.refuse("42809", f'referenced relation "{referenced.name.name}" is not a table')
    allowed = {
        "permanent": ({"permanent"}, "constraints on permanent tables may reference only permanent tables"),
        "unlogged": (
            {"permanent", "unlogged"},
            "constraints on unlogged tables may reference only permanent or unlogged tables",
        ),
        "temporary": ({"temporary"}, "constraints on temporary tables may reference only temporary tables"),
    }
    accepted, message = allowed[relation.persistence]
    if referenced.persistence not in accepted:
        alteration.refuse("42P16", message)


def _require_columns(alteration: Alteration, relation: Relation, columns: tuple[str, ...]) -> None:
    for column in columns:
        if column not in relation.columns:
            _no_column(alteration, column)


def _no_column(alteration: Alteration, column: str) -> NoReturn:
    alteration.context.absent("42703", f'column "{column}" referenced in foreign key constraint does not exist')


def _refuse_generated(alteration: Alteration, relation: Relation, columns: tuple[str, ...], node: Any) -> None:
    kinds = {relation.columns[column].generated for column in columns} - {None}
    if Generated.VIRTUAL in kinds:
        alteration.refuse("0A000", "foreign key constraints on virtual generated columns are not supported")
    if not kinds:
        return
    actions = (("UPDATE", node.fk_upd_action, "cnd"), ("DELETE", node.fk_del_action, "nd"))
    for event, action, refused in actions:
        if action in refused:
            alteration.refuse(
                "42601", f"invalid ON {event} action for foreign key constraint containing generated column"
            )


def _refuse_set_columns(alteration: Alteration, columns: tuple[str, ...], node: Any) -> None:
    for column in strings(node.fk_del_set_cols):
        if column not in columns:
            alteration.refuse(
                "42P10", f'column "{column}" referenced in ON DELETE SET action must be part of foreign key'
            )


def _referenced_key(alteration: Alteration, referenced: Relation, columns: tuple[str, ...]) -> Index:
    """Return the unique index that a foreign key refers to (transformFkeyGetPrimaryKey, transformFkeyCheckAttrs)."""
    table = referenced.name
    if not columns:
        return _primary_key(alteration, referenced)
    for column in columns:
        if column not in referenced.columns:
            _no_column(alteration, column)
    if len(set(columns)) != len(columns):
        alteration.refuse("42830", "foreign key referenced-columns list must not contain duplicates")
    found, deferred = unique_index_on(alteration, referenced, columns)
    if found is None:
        if deferred:
            _deferrable(alteration, "unique constraint", table)
        missing = f'there is no unique constraint matching given keys for referenced table "{table.name}"'
        alteration.refuse("42830", missing)
    return found


def _primary_key(alteration: Alteration, referenced: Relation) -> Index:
    for constraint in referenced.constraints.values():
        if constraint.kind is ConstraintKind.PRIMARY_KEY and constraint.index is not None:
            if constraint.deferrable:
                _deferrable(alteration, "primary key", referenced.name)
            return alteration.draft.catalog.indexes[constraint.index]
    return alteration.context.absent("42704", f'there is no primary key for referenced table "{referenced.name.name}"')


def _deferrable(alteration: Alteration, what: str, table: Name) -> NoReturn:
    alteration.refuse("55000", f'cannot use a deferrable {what} for referenced table "{table.name}"')


def unique_index_on(
    alteration: Alteration, referenced: Relation, columns: tuple[str, ...]
) -> tuple[Index | None, bool]:
    """Return a unique index over exactly these columns, and whether only a deferrable one was found."""
    deferred = False
    for index in alteration.draft.catalog.indexes_of(referenced.name):
        keys = {key.column for key in index.keys}
        if not index.unique or not index.valid or index.predicate is not None or len(index.keys) != len(columns):
            continue
        if None in keys or keys != set(columns):
            continue
        constraint = referenced.constraints.get(index.constraint or "")
        if constraint is not None and constraint.deferrable:
            deferred = True
            continue
        return index, False
    return None, deferred


def require_comparable(
    alteration: Alteration,
    relation: Relation,
    referenced: Relation,
    columns: tuple[str, ...],
    keys: tuple[str, ...],
    index: Index,
    name: str,
) -> None:
    """Refuse a foreign key whose columns have no common equality operator (42804)."""
    catalog, version = alteration.draft.catalog, alteration.version
    by_column = {key.column: key for key in index.keys}
    for column, key in zip(columns, keys, strict=True):
        one, other = relation.columns[column].type, referenced.columns[key].type
        if not (catalog.complete or (type_facts(one, catalog).known and type_facts(other, catalog).known)):
            # Columns of a table that is only mentioned: it is assumed that the key is meant to work.
            continue
        compared = key_class(index.method, by_column[key], other, catalog, version)
        if compared is None:
            alteration.builder.unknown(f"how {display(one)} and {display(other)} are compared")
            continue
        if key_equality(one, other, compared, catalog, version) is None:
            alteration.refuse("42804", f'foreign key constraint "{name}" cannot be implemented')


def _lock_partitions(alteration: Alteration, table: Name, referenced: Name) -> None:
    for root, lock in ((table, alteration.lock), (referenced, _SRX)):
        if alteration.relation(root).kind is RelationKind.PARTITIONED:
            for member in alteration.draft.catalog.descendants_of(root):
                alteration.builder.lock(member, lock)


def _matching(alteration: Alteration, leaf: Name, node: Any, referenced: Name) -> bool:
    """Tell whether a partition has the same foreign key already, so that it need not be checked again.

    Source: ``tryAttachPartitionForeignKey`` in PostgreSQL's tablecmds.c.
    """
    actions = {"a": "no action", "r": "restrict", "c": "cascade", "n": "set null", "d": "set default"}

    def fits(own: Constraint) -> bool:
        return (
            own.kind is ConstraintKind.FOREIGN_KEY
            and own.references == referenced
            and own.columns == strings(node.fk_attrs)
            and own.validated
            and not own.inherited
            and own.deferrable == node.deferrable
            and own.on_delete == actions.get(node.fk_del_action, "no action")
            and own.on_update == actions.get(node.fk_upd_action, "no action")
        )

    return any(fits(own) for own in alteration.relation(leaf).constraints.values())

"""Whether a statement can run a second time after a revision failed half-way."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from postgast import pg_query_pb2 as pg

from sluicegate.statements.nodes import strings

if TYPE_CHECKING:
    from sluicegate.rules.kit.commands import Command
    from sluicegate.rules.kit.context import Context

_CREATING = frozenset({"create_stmt", "create_table_as_stmt", "create_seq_stmt", "create_schema_stmt"})
_CREATING |= {"create_extension_stmt", "alter_enum_stmt"}
_NEVER = frozenset({"rename_stmt", "alter_object_schema_stmt", "create_enum_stmt", "create_domain_stmt"})
_NEVER |= {"composite_type_stmt", "create_range_stmt", "create_policy_stmt", "create_stats_stmt", "insert_stmt"}


def repeatable(context: Context) -> bool:
    """Tell whether the server accepts the statement again once it has done its work."""
    node, kind = context.node, context.kind
    if kind in _NEVER:
        return False
    if kind in _CREATING:
        return bool(getattr(node, "if_not_exists", False) or getattr(node, "skip_if_new_val_exists", False))
    if kind == "index_stmt":
        return bool(node.if_not_exists) or _dropped_before(context, node.idxname)
    if kind == "drop_stmt":
        return bool(node.missing_ok)
    if kind in ("view_stmt", "create_function_stmt", "create_trig_stmt"):
        return bool(node.replace)
    return all(_repeatable_action(command, context) for command in context.commands)


def _repeatable_action(command: Command, context: Context) -> bool:
    if command.kind in ("AT_AddColumn", "AT_DropColumn", "AT_DropConstraint"):
        return bool(command.node.missing_ok)
    if command.kind == "AT_AddConstraint":
        dropped = [c.name for c in context.commands if c.kind == "AT_DropConstraint" and c.node.missing_ok]
        return command.name in dropped or any(
            c.kind == "AT_DropConstraint" and c.node.missing_ok and c.name == command.name
            for earlier in context.earlier()
            for c in earlier.commands
        )
    return command.kind not in ("AT_AttachPartition", "AT_DetachPartition", "AT_AddIdentity", "AT_AddIndexConstraint")


def _dropped_before(context: Context, index: str) -> bool:
    return any(
        earlier.kind == "drop_stmt"
        and earlier.node.remove_type == pg.OBJECT_INDEX
        and earlier.node.missing_ok
        and any(_last(item) == index for item in earlier.node.objects)
        for earlier in context.earlier()
    )


def _last(item: Any) -> str:
    return strings(item.list.items)[-1]

"""Databases, tablespaces and roles: what belongs to the whole cluster, which a schema says nothing about."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from sluicegate.effects.context import Refused
from sluicegate.effects.model import LockMode
from sluicegate.effects.roles import require_role, require_roles

if TYPE_CHECKING:
    from collections.abc import Iterable

    from sluicegate.catalog.model import Relation
    from sluicegate.effects.context import Context


_ALWAYS = frozenset({"postgres", "template0", "template1"})


def create_database(context: Context, node: Any) -> None:
    """Note the effects of CREATE DATABASE."""
    context.builder.forbid_in_transaction("CREATE DATABASE")
    if node.dbname in _ALWAYS:
        raise Refused("42P04", f'database "{node.dbname}" already exists')
    context.builder.depends(f"fails if there is a database {node.dbname}")


def drop_database(context: Context, node: Any) -> None:
    """Note the effects of DROP DATABASE."""
    context.builder.forbid_in_transaction("DROP DATABASE")
    if not node.missing_ok:
        context.builder.depends(f"fails if there is no database {node.dbname}")


def alter_database(context: Context, node: Any) -> None:
    """Note the effects of ALTER DATABASE … with options."""
    if any(item.def_elem.defname == "tablespace" for item in node.options):
        context.builder.forbid_in_transaction("ALTER DATABASE SET TABLESPACE")
    context.builder.depends(f"fails if there is no database {node.dbname}")


def create_tablespace(context: Context, node: Any) -> None:
    """Note the effects of CREATE TABLESPACE."""
    context.builder.forbid_in_transaction("CREATE TABLESPACE")
    if node.tablespacename.startswith("pg_"):
        raise Refused("42939", f'unacceptable tablespace name "{node.tablespacename}"')
    context.builder.depends(f"fails if the server has no directory {node.location}")


def drop_tablespace(context: Context, node: Any) -> None:
    """Note the effects of DROP TABLESPACE."""
    context.builder.forbid_in_transaction("DROP TABLESPACE")
    if node.tablespacename in {"pg_default", "pg_global"}:
        raise Refused("42501", f"permission denied for tablespace {node.tablespacename}")
    if not node.missing_ok:
        context.builder.depends(f"fails if there is no tablespace {node.tablespacename}")


def create_role(context: Context, node: Any) -> None:
    """Note the effects of CREATE ROLE."""
    if node.role.startswith("pg_"):
        raise Refused("42939", f'role name "{node.role}" is reserved')
    if ("role", node.role) in context.catalog.others or node.role in {"postgres"}:
        raise Refused("42710", f'role "{node.role}" already exists')
    context.builder.depends(f"fails if there is a role {node.role}")


def change_role(context: Context, node: Any) -> None:
    """Note the effects of ALTER ROLE."""
    if node.HasField("role"):
        require_roles(context, [node.role])


def drop_role(context: Context, node: Any) -> None:
    """Note the effects of DROP ROLE."""
    if not node.missing_ok:
        for item in node.roles:
            require_role(context, item.role_spec.rolename)
    names = {item.role_spec.rolename for item in node.roles}
    for relation in context.catalog.relations.values():
        if relation.owner in names:
            message = f'role "{relation.owner}" cannot be dropped because some objects depend on it'
            raise Refused("2BP01", message)
    context.builder.depends("fails if the role owns anything in any database")


def reassign(context: Context, node: Any) -> None:
    """Note the effects of REASSIGN OWNED, as far as earlier statements say who owns what."""
    for relation in owned(context, node.roles):
        context.builder.lock(relation, LockMode.AccessExclusiveLock)


def owned(context: Context, roles: Iterable[Any]) -> list[Relation]:
    """Return the relations that statements gave to roles; what they own besides is noted as not known."""
    require_roles(context, roles)
    names = {item.role_spec.rolename for item in roles}
    if any(relation.owner is None for relation in context.catalog.relations.values()):
        context.builder.unknown("which other objects the role owns is not known")
    return [relation for relation in context.catalog.relations.values() if relation.owner in names]

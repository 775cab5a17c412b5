"""Roles: they belong to the cluster, so a schema cannot tell whether one exists."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from postgast import pg_query_pb2 as pg

if TYPE_CHECKING:
    from collections.abc import Iterable

    from sluicegate.effects.context import Context

_ALWAYS = frozenset({"postgres", "public"})


def require_roles(context: Context, roles: Iterable[Any]) -> None:
    """Note roles whose existence is not known."""
    for item in roles:
        role = item.role_spec if isinstance(item, pg.Node) else item
        if role.roletype == pg.ROLESPEC_CSTRING:
            require_role(context, role.rolename)


def require_role(context: Context, name: str) -> None:
    """Note a role whose existence is not known; the server's own begin with ``pg_``."""
    if name not in _ALWAYS and not name.startswith("pg_"):
        context.builder.depends(f"fails if there is no role {name}")

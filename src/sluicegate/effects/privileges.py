"""GRANT, REVOKE and ALTER DEFAULT PRIVILEGES."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from postgast import pg_query_pb2 as pg

from sluicegate.catalog.model import Index, RelationKind
from sluicegate.effects.context import Refused
from sluicegate.effects.model import LockMode
from sluicegate.effects.objects import find_function, require_object
from sluicegate.effects.roles import require_role, require_roles
from sluicegate.statements.nodes import string, strings, unwrap

if TYPE_CHECKING:
    from sluicegate.effects.context import Context

_TABLE = frozenset({"select", "insert", "update", "delete", "truncate", "references", "trigger", "maintain"})
_ALLOWED = {
    pg.OBJECT_SEQUENCE: ("sequence", frozenset({"usage", "select", "update"})),
    pg.OBJECT_DATABASE: ("database", frozenset({"create", "connect", "temporary", "temp"})),
    pg.OBJECT_DOMAIN: ("domain", frozenset({"usage"})),
    pg.OBJECT_FDW: ("foreign-data wrapper", frozenset({"usage"})),
    pg.OBJECT_FOREIGN_SERVER: ("foreign server", frozenset({"usage"})),
    pg.OBJECT_FUNCTION: ("function", frozenset({"execute"})),
    pg.OBJECT_PROCEDURE: ("procedure", frozenset({"execute"})),
    pg.OBJECT_ROUTINE: ("routine", frozenset({"execute"})),
    pg.OBJECT_LANGUAGE: ("language", frozenset({"usage"})),
    pg.OBJECT_LARGEOBJECT: ("large object", frozenset({"select", "update"})),
    pg.OBJECT_SCHEMA: ("schema", frozenset({"usage", "create"})),
    pg.OBJECT_TABLESPACE: ("tablespace", frozenset({"create"})),
    pg.OBJECT_TYPE: ("type", frozenset({"usage"})),
    pg.OBJECT_PARAMETER_ACL: ("parameter", frozenset({"set", "alter system"})),
}
_COLUMN = frozenset({"select", "insert", "update", "references"})
_EVERY = _TABLE | {"usage", "execute", "create", "connect", "temporary", "temp", "set", "alter system"}
_FUNCTIONS = {pg.OBJECT_FUNCTION, pg.OBJECT_PROCEDURE, pg.OBJECT_ROUTINE}


def grant(context: Context, node: Any) -> None:
    """Note the effects of a ``GrantStmt``, which is REVOKE too (``ExecuteGrantStmt`` in PostgreSQL's aclchk.c)."""
    require_roles(context, node.grantees)
    privileges = [item.access_priv for item in node.privileges]
    if node.targtype == pg.ACL_TARGET_DEFAULTS:
        return
    for privilege in privileges:
        name = privilege.priv_name
        if name not in _EVERY or (name == "maintain" and context.version < 17):
            raise Refused("42601", f'unrecognized privilege type "{name}"')
    if node.targtype == pg.ACL_TARGET_ALL_IN_SCHEMA:
        for item in node.objects:
            _require_schema(context, string(item))
        return
    if node.objtype == pg.OBJECT_TABLE:
        for item in node.objects:
            _on_relation(context, item.range_var, privileges)
        return
    word, allowed = _ALLOWED.get(node.objtype, ("object", _EVERY))
    for privilege in privileges:
        if privilege.priv_name not in allowed:
            raise Refused("0LP01", f"invalid privilege type {privilege.priv_name.upper()} for {word}")
    for item in node.objects:
        _on_object(context, node.objtype, item)


def _on_relation(context: Context, name: Any, privileges: list[Any]) -> None:
    for privilege in privileges:
        if privilege.cols and privilege.priv_name not in _COLUMN:
            raise Refused("0LP01", f"invalid privilege type {privilege.priv_name.upper()} for column")
        if not privilege.cols and privilege.priv_name not in _TABLE | {"usage"}:
            raise Refused("0LP01", f"invalid privilege type {privilege.priv_name.upper()} for relation")
    found = context.relation_or_index(name)
    if found is None:
        if context.is_system(name):
            return
        context.missing(name)
    if isinstance(found, Index):
        raise Refused("42809", f'"{found.name.name}" is an index')
    if found.kind is RelationKind.COMPOSITE:
        raise Refused("42809", f'"{found.name.name}" is a composite type')
    for privilege in privileges:
        if privilege.priv_name == "usage" and found.kind is not RelationKind.SEQUENCE:
            raise Refused("0LP01", "invalid privilege type USAGE for table")
        for column in strings(privilege.cols):
            if column not in found.columns:
                context.absent("42703", f'column "{column}" of relation "{found.name.name}" does not exist')
    if context.version >= 18:
        context.builder.lock(found, LockMode.AccessShareLock)


def _on_object(context: Context, kind: int, item: Any) -> None:
    match kind:
        case pg.OBJECT_SEQUENCE:
            name = item.range_var
            found = context.relation_or_index(name)
            if found is None:
                context.missing(name)
            if isinstance(found, Index) or found.kind is not RelationKind.SEQUENCE:
                raise Refused("42809", f'"{found.name.name}" is not a sequence')
            if context.version >= 18:
                context.builder.lock(found, LockMode.AccessShareLock)
        case pg.OBJECT_SCHEMA:
            _require_schema(context, string(item))
        case pg.OBJECT_TYPE | pg.OBJECT_DOMAIN:
            names = unwrap(item)
            if context.user_type(names) is None and context.relation(names) is None:
                type_name = pg.TypeName(names=names.items, typemod=-1)
                context.require_type(type_name)
        case _ if kind in _FUNCTIONS:
            find_function(context, item, kind)
        case pg.OBJECT_LANGUAGE | pg.OBJECT_FDW | pg.OBJECT_FOREIGN_SERVER:
            require_object(context, kind, item)
        case pg.OBJECT_DATABASE | pg.OBJECT_TABLESPACE:
            context.builder.depends(f"fails if there is no {_ALLOWED[kind][0]} {string(item)}")


def _require_schema(context: Context, name: str) -> None:
    if name not in context.catalog.schemas and not name.startswith("pg_") and name != "information_schema":
        context.absent("3F000", f'schema "{name}" does not exist')


def grant_role(context: Context, node: Any) -> None:
    """Note the effects of GRANT and REVOKE of a role."""
    require_roles(context, node.grantee_roles)
    for item in node.granted_roles:
        require_role(context, item.access_priv.priv_name)


def alter_defaults(context: Context, node: Any) -> None:
    """Note the effects of ALTER DEFAULT PRIVILEGES."""
    for item in node.options:
        element = item.def_elem
        for part in unwrap(element.arg).items:
            if element.defname == "schemas":
                _require_schema(context, string(part))
            else:
                require_roles(context, [part])

"""CREATE EXTENSION and ALTER EXTENSION."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from postgast import pg_query_pb2 as pg

from sluicegate.catalog.model import Index
from sluicegate.effects.context import Refused
from sluicegate.effects.model import LockMode
from sluicegate.statements.nodes import options, qualified

if TYPE_CHECKING:
    from sluicegate.effects.context import Context

_ALWAYS = "plpgsql"
_PROJECT = "pgvector"  # the project's name, which its control file does not bear
_RELATIONS = {pg.OBJECT_TABLE, pg.OBJECT_VIEW, pg.OBJECT_MATVIEW, pg.OBJECT_SEQUENCE, pg.OBJECT_FOREIGN_TABLE}


def create_extension(context: Context, node: Any) -> None:
    """Note the effects of a ``CreateExtensionStmt``."""
    if _installed(context, node.extname):
        if not node.if_not_exists:
            raise Refused("42710", f'extension "{node.extname}" already exists')
        return
    if node.extname == _PROJECT:
        raise Refused("0A000", f'extension "{_PROJECT}" is not available: what pgvector installs is called "vector"')
    context.builder.depends(f"fails if the server does not have the extension {node.extname}")
    schema = options(node.options).get("schema")
    if schema is not None and schema not in context.catalog.schemas:
        context.absent("3F000", f'schema "{schema}" does not exist')


def alter_extension(context: Context, node: Any) -> None:
    """Note the effects of ALTER EXTENSION … UPDATE."""
    _require(context, node.extname)
    extension = context.catalog.extensions.get(node.extname)
    wanted = options(node.options).get("new_version")
    if wanted is not None and (extension is None or extension.version != wanted):
        context.builder.depends(f"fails if the server has no script that updates {node.extname} to version {wanted}")


def alter_contents(context: Context, node: Any) -> None:
    """Note the effects of ALTER EXTENSION … ADD and DROP."""
    _require(context, node.extname)
    if node.objtype not in _RELATIONS:
        return
    name = qualified(node.object)
    found = context.relation_or_index(name)
    if found is None:
        context.missing(name)
    if not isinstance(found, Index):
        context.builder.lock(found, LockMode.ShareUpdateExclusiveLock)


def _installed(context: Context, name: str) -> bool:
    return name in context.catalog.extensions or name == _ALWAYS


def _require(context: Context, name: str) -> None:
    if not _installed(context, name):
        context.absent("42704", f'extension "{name}" does not exist')


def depend(context: Context, node: Any) -> None:
    """Note the effects of ALTER … DEPENDS ON EXTENSION."""
    name = node.extname.sval
    _require(context, name)
    if node.object_type in {pg.OBJECT_INDEX, pg.OBJECT_MATVIEW, pg.OBJECT_TRIGGER} and node.HasField("relation"):
        found = context.relation_or_index(node.relation)
        if found is None:
            context.missing(node.relation)
        mode = LockMode.AccessShareLock if node.object_type == pg.OBJECT_TRIGGER else LockMode.AccessExclusiveLock
        context.builder.lock(found, mode)

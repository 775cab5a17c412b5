"""CREATE [OR REPLACE] VIEW: what its query reads, and what a replaced view must keep."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from postgast import pg_query_pb2 as pg

from sluicegate.catalog.model import Name, RelationKind
from sluicegate.catalog.types import CATALOG_SCHEMA, display, same_type
from sluicegate.effects.context import Refused
from sluicegate.effects.model import LockMode
from sluicegate.effects.new_names import refuse_taken, target_name
from sluicegate.effects.queries import note_query, resolved
from sluicegate.effects.reading import view_base
from sluicegate.effects.relation_options import check_options
from sluicegate.statements.nodes import strings, unwrap, walk_kinds

if TYPE_CHECKING:
    from sluicegate.catalog.model import Relation
    from sluicegate.effects.context import Context
    from sluicegate.effects.scopes import OutputColumns


def create_view(context: Context, node: Any) -> None:
    """Note the effects of a ``ViewStmt`` (``DefineView`` in PostgreSQL's commands/view.c)."""
    name = target_name(context, node.view)
    refusal = check_options(node.options, "view", context.version)
    if refusal is not None:
        raise Refused(refusal.sqlstate, refusal.message)
    for change in walk_kinds(node.query, pg.CommonTableExpr):
        if not isinstance(unwrap(change.ctequery), pg.SelectStmt):
            raise Refused("0A000", "views must not contain data-modifying statements in WITH")
    columns = resolved(note_query(context, node.query, executed=False, planned=False))
    for column, found in columns:
        if found is not None and not found.array and found.name == Name(CATALOG_SCHEMA, "record"):
            raise Refused("42P16", f'column "{column}" has pseudo-type record')
    aliases = strings(node.aliases)
    if len(aliases) > len(columns) and columns:
        raise Refused("42601", "CREATE VIEW specifies more column names than columns")
    columns = [(aliases[n] if n < len(aliases) else own, found) for n, (own, found) in enumerate(columns)]
    for number, (own, _) in enumerate(columns):
        if own in [before for before, _ in columns[:number]]:
            raise Refused("42701", f'column "{own}" specified more than once')
    if node.with_check_option not in {pg.NO_CHECK_OPTION, pg.VIEW_CHECK_OPTION_UNDEFINED}:
        _require_updatable(context, node)
    existing = context.catalog.relations.get(name)
    if existing is not None and node.replace:
        _replace(context, existing, columns)
        return
    refuse_taken(context, name)


def _require_updatable(context: Context, node: Any) -> None:
    from sluicegate.catalog.replay import apply

    after = apply(context.statement, context.catalog, context.session)
    view = after.relations.get(target_name(context, node.view))
    if view is not None and view_base(context.with_catalog(after), view) is None:
        raise Refused("0A000", "WITH CHECK OPTION is supported only on automatically updatable views")


def _replace(context: Context, existing: Relation, columns: OutputColumns) -> None:
    """Refuse to take a column from a view, or to rename or retype one (``checkViewColumns``)."""
    if existing.kind is not RelationKind.VIEW:
        raise Refused("42809", f'"{existing.name.name}" is not a view')
    old = list(existing.columns.values())
    if len(columns) < len(old):
        raise Refused("42P16", "cannot drop columns from view")
    for column, (name, sql_type) in zip(old, columns, strict=False):
        if column.name != name:
            raise Refused("42P16", f'cannot change name of view column "{column.name}" to "{name}"')
        if sql_type is None or column.type.name.name == "unknown":
            context.builder.unknown(f"whether the view column {name} keeps its type is not known")
        elif not same_type(column.type, sql_type):
            raise Refused(
                "42P16",
                f'cannot change data type of view column "{name}" from {display(column.type)} to {display(sql_type)}',
            )
    context.builder.lock(existing, LockMode.AccessExclusiveLock)

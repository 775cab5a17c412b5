"""CREATE and ALTER PUBLICATION, and subscriptions."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from postgast import pg_query_pb2 as pg

from sluicegate.catalog.expressions import Invalid
from sluicegate.catalog.model import Index, RelationKind
from sluicegate.effects.context import Refused
from sluicegate.effects.model import LockMode
from sluicegate.effects.queries import QueryReader
from sluicegate.effects.query_levels import Level
from sluicegate.effects.scopes import Scope, Source
from sluicegate.statements.nodes import options, strings, truth

if TYPE_CHECKING:
    from collections.abc import Iterator

    from sluicegate.catalog.model import Relation
    from sluicegate.effects.context import Context
    from sluicegate.effects.scopes import OutputColumns

_SUX = LockMode.ShareUpdateExclusiveLock
_PUBLISHED = {"insert", "update", "delete", "truncate"}
_OPTIONS = {"publish": 0, "publish_via_partition_root": 0, "publish_generated_columns": 18}
_TABLES_IN_SCHEMA = {pg.PUBLICATIONOBJ_TABLES_IN_SCHEMA, pg.PUBLICATIONOBJ_TABLES_IN_CUR_SCHEMA}


def create_publication(context: Context, node: Any) -> None:
    """Note the effects of a ``CreatePublicationStmt``."""
    if node.pubname in context.catalog.publications:
        raise Refused("42710", f'publication "{node.pubname}" already exists')
    _check_options(context, node)
    for relation in _tables(context, node):
        context.builder.lock(relation, _SUX)


def alter_publication(context: Context, node: Any) -> None:
    """Note the effects of an ``AlterPublicationStmt`` (``AlterPublicationTables`` in publicationcmds.c)."""
    publication = context.catalog.publications.get(node.pubname)
    if publication is None:
        context.absent("42704", f'publication "{node.pubname}" does not exist')
    _check_options(context, node)
    if not node.pubobjects:
        return
    if publication.tables is None:
        raise Refused("55000", f'publication "{node.pubname}" is defined as FOR ALL TABLES')
    named = list(_tables(context, node, dropping=node.action == pg.AP_DropObjects))
    for relation in named:
        if node.action == pg.AP_AddObjects and relation.name in publication.tables:
            raise Refused("42710", f'relation "{relation.name.name}" is already member of publication "{node.pubname}"')
        if node.action == pg.AP_DropObjects and relation.name not in publication.tables:
            raise Refused("42704", f'relation "{relation.name.name}" is not part of the publication')
        context.builder.lock(relation, _SUX)
    if node.action == pg.AP_SetObjects:
        for name in publication.tables:
            context.builder.lock(name, _SUX)


def _check_options(context: Context, node: Any) -> None:
    for name, value in options(node.options).items():
        if name not in _OPTIONS or _OPTIONS[name] > context.version:
            raise Refused("42601", f'unrecognized publication parameter: "{name}"')
        if name == "publish":
            for word in str(value).split(","):
                if word.strip() and word.strip() not in _PUBLISHED:
                    shown = word.strip()
                    raise Refused("42601", f'unrecognized value for publication option "publish": "{shown}"')


def _tables(context: Context, node: Any, *, dropping: bool = False) -> Iterator[Relation]:
    for item in node.pubobjects:
        spec = item.publication_obj_spec
        if spec.pubobjtype in _TABLES_IN_SCHEMA:
            if spec.name and spec.name not in context.catalog.schemas:
                context.absent("3F000", f'schema "{spec.name}" does not exist')
            continue
        table = spec.pubtable
        relation = context.relation_or_index(table.relation)
        if relation is None:
            if context.is_system(table.relation):
                raise Refused("22023", f'cannot add relation "{table.relation.relname}" to publication')
            context.missing(table.relation)
        if not dropping:
            _check_table(context, relation, table)
        if isinstance(relation, Index):
            continue
        yield relation
        if relation.kind is RelationKind.TABLE and table.relation.inh:
            yield from context.catalog.descendants_of(relation.name)


def _check_table(context: Context, relation: Relation | Index, table: Any) -> None:
    """Source: ``check_publication_add_relation`` in PostgreSQL's pg_publication.c."""
    publishable = (
        not isinstance(relation, Index)
        and relation.kind in {RelationKind.TABLE, RelationKind.PARTITIONED}
        and relation.persistence == "permanent"
    )
    if not publishable or isinstance(relation, Index):
        raise Refused("22023", f'cannot add relation "{relation.name.name}" to publication')
    for column in strings(table.columns):
        if column not in relation.columns:
            context.absent("42703", f'column "{column}" of relation "{relation.name.name}" does not exist')
    if table.HasField("where_clause"):
        columns: OutputColumns = [(column.name, column.type) for column in relation.columns.values()]
        scope = Scope([Source(relation.name.name, columns, relation, relation.name.schema)])
        try:
            QueryReader(context).reader(Level(scope)).condition(table.where_clause, "PUBLICATION WHERE")
        except Invalid as invalid:
            raise Refused(invalid.sqlstate, invalid.message) from None


# -- subscriptions -----------------------------------------------------------------------------------------------------


def create_subscription(context: Context, node: Any) -> None:
    """Note the effects of CREATE SUBSCRIPTION, which by default makes a slot on another server."""
    given = options(node.options)
    if not truth(given.get("connect", True)):
        return
    if truth(given.get("create_slot", True)):
        context.builder.forbid_in_transaction("CREATE SUBSCRIPTION ... WITH (create_slot = true)")
    context.builder.depends("fails if the publisher cannot be reached")


def alter_subscription(context: Context, node: Any) -> None:
    """Note the effects of ALTER SUBSCRIPTION."""
    _require(context, node.subname)
    if node.kind in {pg.ALTER_SUBSCRIPTION_REFRESH, pg.ALTER_SUBSCRIPTION_SET_PUBLICATION}:
        context.builder.unknown("whether the subscription's tables are refreshed decides if a transaction is allowed")


def drop_subscription(context: Context, node: Any) -> None:
    """Note the effects of DROP SUBSCRIPTION, which drops its slot unless it was set to none."""
    if node.missing_ok and ("subscription", node.subname) not in context.catalog.others:
        return
    _require(context, node.subname)
    context.builder.forbid_in_transaction("DROP SUBSCRIPTION")


def _require(context: Context, name: str) -> None:
    if ("subscription", name) not in context.catalog.others:
        context.absent("42704", f'subscription "{name}" does not exist')

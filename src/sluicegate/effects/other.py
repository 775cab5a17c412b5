"""Every statement that no other family claims, each by the module that knows it."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

from postgast import pg_query_pb2 as pg

from sluicegate.catalog.model import ConstraintKind
from sluicegate.effects import cluster_objects, comments, extensions, functions, privileges, publications, settings
from sluicegate.effects.context import Builder, Refused
from sluicegate.effects.objects import require_named, require_object
from sluicegate.effects.roles import require_roles
from sluicegate.effects.sequences import alter_sequence
from sluicegate.effects.statistics_objects import alter_statistics, create_statistics
from sluicegate.statements.nodes import kind_of, qualified, unwrap

if TYPE_CHECKING:
    from collections.abc import Callable

    from sluicegate.effects.context import Context
    from sluicegate.effects.model import Effects


def predict_other(context: Context, node: Any) -> Effects:
    """Predict a statement of no large family."""
    predict = _KINDS.get(type(node))
    if predict is not None:
        predict(context, node)
    elif type(node) not in _NOTHING:
        words = context.statement.kind.removesuffix("_stmt").replace("_", " ").upper()
        context.builder.unknown(f"what {words} does is not modelled")
    return context.builder.finish()


def _create_schema(context: Context, node: Any) -> None:
    """Source: ``CreateSchemaCommand`` in PostgreSQL's commands/schemacmds.c."""
    from sluicegate.catalog.replay.apply import step
    from sluicegate.catalog.replay.draft import Draft
    from sluicegate.effects.predict import predict_in

    if node.HasField("authrole"):
        require_roles(context, [node.authrole])
    name = node.schemaname or node.authrole.rolename
    if name.startswith("pg_"):
        raise Refused("42939", f'unacceptable schema name "{name}"')
    if name in context.catalog.schemas:
        if node.if_not_exists:
            return
        raise Refused("42P06", f'schema "{name}" already exists')
    if not node.schema_elts:
        return
    session = replace(context.session, search_path=(name, *context.session.search_path))
    draft = Draft(replace(context.catalog, schemas=context.catalog.schemas | {name}), session)
    existing = {str(relation) for relation in context.catalog.relations}
    for element in node.schema_elts:
        inner = unwrap(element)
        builder = Builder(draft.catalog, session)
        inside = replace(context, catalog=draft.catalog, session=session, builder=builder)
        effects = predict_in(inside, kind_of(element), inner)
        step(draft, kind_of(element), inner)
        if effects.error is not None:
            raise Refused(effects.error.sqlstate, effects.error.message)
        context.builder.include(
            replace(effects, locks={table: mode for table, mode in effects.locks.items() if table in existing})
        )


def _set_constraints(context: Context, node: Any) -> None:
    for item in node.constraints:
        schema, name = qualified(item.range_var)
        found = [
            constraint
            for relation in context.catalog.relations.values()
            if schema in (None, relation.name.schema)
            for constraint in relation.constraints.values()
            if constraint.name == name and constraint.kind not in {ConstraintKind.CHECK, ConstraintKind.NOT_NULL}
        ]
        if not found:
            context.absent("42704", f'constraint "{name}" does not exist')
        if not any(constraint.deferrable for constraint in found):
            raise Refused("42809", f'constraint "{name}" is not deferrable')


def _transaction(context: Context, node: Any) -> None:
    match node.kind:
        case pg.TRANS_STMT_COMMIT_PREPARED:
            context.builder.forbid_in_transaction("COMMIT PREPARED")
        case pg.TRANS_STMT_ROLLBACK_PREPARED:
            context.builder.forbid_in_transaction("ROLLBACK PREPARED")
        case pg.TRANS_STMT_PREPARE:
            context.builder.depends("fails unless the server allows prepared transactions")


def _discard(context: Context, node: Any) -> None:
    if node.target == pg.DISCARD_ALL:
        context.builder.forbid_in_transaction("DISCARD ALL")


def _cast(context: Context, node: Any) -> None:
    from sluicegate.catalog.builtins import builtins
    from sluicegate.catalog.types import display, key_of

    ends = [context.require_type(node.sourcetype), context.require_type(node.targettype)]
    keys = tuple(key_of(end, context.catalog) for end in ends)
    if keys in builtins(context.version).casts:
        shown = f"cast from type {display(ends[0])} to type {display(ends[1])}"
        raise Refused("42710", f"{shown} already exists")
    if not node.HasField("func") and not node.inout:
        lengths = [builtins(context.version).types.get(key or "") for key in keys]
        if all(found is not None for found in lengths) and len({f.length for f in lengths if f is not None}) > 1:
            raise Refused("42P17", "source and target data types are not physically compatible")


def _event_trigger(context: Context, node: Any) -> None:
    require_named(context, "event trigger", node.trigname)


def _server(context: Context, node: Any) -> None:
    require_named(context, "server", node.servername)


def _create_server(context: Context, node: Any) -> None:
    if ("server", node.servername) in context.catalog.others and not node.if_not_exists:
        raise Refused("42710", f'server "{node.servername}" already exists')
    require_named(context, "foreign-data wrapper", node.fdwname)


def _drop_mapping(context: Context, node: Any) -> None:
    if not node.missing_ok:
        _server(context, node)


def _import(context: Context, node: Any) -> None:
    require_named(context, "server", node.server_name)
    context.builder.unknown("which foreign tables are imported is decided by the other server")


def _wrapper(context: Context, node: Any) -> None:
    if isinstance(node, pg.AlterFdwStmt):
        require_named(context, "foreign-data wrapper", node.fdwname)
    elif ("foreign-data wrapper", node.fdwname) in context.catalog.others:
        raise Refused("42710", f'foreign-data wrapper "{node.fdwname}" already exists')


def _language(context: Context, node: Any) -> None:
    if node.plname == "plpgsql" and not node.replace:
        raise Refused("42710", 'extension "plpgsql" already exists')
    context.builder.depends(f"fails if the server does not have the language {node.plname}")


def _text_search(context: Context, node: Any) -> None:
    kind = pg.OBJECT_TSCONFIGURATION if isinstance(node, pg.AlterTSConfigurationStmt) else pg.OBJECT_TSDICTIONARY
    names = node.cfgname if kind == pg.OBJECT_TSCONFIGURATION else node.dictname
    require_object(context, kind, pg.Node(list=pg.List(items=names)))


def _default_privileges(context: Context, node: Any) -> None:
    privileges.alter_defaults(context, node)


_KINDS: dict[type, Callable[[Context, Any], None]] = {
    pg.GrantStmt: privileges.grant,
    pg.GrantRoleStmt: privileges.grant_role,
    pg.AlterDefaultPrivilegesStmt: _default_privileges,
    pg.CommentStmt: comments.comment,
    pg.SecLabelStmt: comments.security_label,
    pg.VariableSetStmt: settings.set_variable,
    pg.VariableShowStmt: settings.show_variable,
    pg.AlterSystemStmt: settings.alter_system,
    pg.CreatedbStmt: cluster_objects.create_database,
    pg.DropdbStmt: cluster_objects.drop_database,
    pg.AlterDatabaseStmt: cluster_objects.alter_database,
    pg.CreateTableSpaceStmt: cluster_objects.create_tablespace,
    pg.DropTableSpaceStmt: cluster_objects.drop_tablespace,
    pg.CreateRoleStmt: cluster_objects.create_role,
    pg.AlterRoleStmt: cluster_objects.change_role,
    pg.AlterRoleSetStmt: cluster_objects.change_role,
    pg.DropRoleStmt: cluster_objects.drop_role,
    pg.ReassignOwnedStmt: cluster_objects.reassign,
    pg.CreateExtensionStmt: extensions.create_extension,
    pg.AlterExtensionStmt: extensions.alter_extension,
    pg.AlterExtensionContentsStmt: extensions.alter_contents,
    pg.AlterObjectDependsStmt: extensions.depend,
    pg.CreatePublicationStmt: publications.create_publication,
    pg.AlterPublicationStmt: publications.alter_publication,
    pg.CreateSubscriptionStmt: publications.create_subscription,
    pg.AlterSubscriptionStmt: publications.alter_subscription,
    pg.DropSubscriptionStmt: publications.drop_subscription,
    pg.CreateStatsStmt: create_statistics,
    pg.AlterStatsStmt: alter_statistics,
    pg.CreateFunctionStmt: functions.create_function,
    pg.AlterFunctionStmt: functions.alter_function,
    pg.DefineStmt: functions.define,
    pg.CreateSchemaStmt: _create_schema,
    pg.AlterSeqStmt: alter_sequence,
    pg.ConstraintsSetStmt: _set_constraints,
    pg.TransactionStmt: _transaction,
    pg.DiscardStmt: _discard,
    pg.CreateCastStmt: _cast,
    pg.AlterEventTrigStmt: _event_trigger,
    pg.CreateForeignServerStmt: _create_server,
    pg.AlterForeignServerStmt: _server,
    pg.CreateUserMappingStmt: _server,
    pg.AlterUserMappingStmt: _server,
    pg.DropUserMappingStmt: _drop_mapping,
    pg.ImportForeignSchemaStmt: _import,
    pg.CreateFdwStmt: _wrapper,
    pg.AlterFdwStmt: _wrapper,
    pg.CreatePLangStmt: _language,
    pg.AlterTSConfigurationStmt: _text_search,
    pg.AlterTSDictionaryStmt: _text_search,
}
"""Statement → what notes its effects."""

_NOTHING = {
    pg.AlterCollationStmt,
    pg.AlterDatabaseRefreshCollStmt,
    pg.AlterDatabaseSetStmt,
    pg.AlterTableSpaceOptionsStmt,
    pg.ClosePortalStmt,
    pg.CreateAmStmt,
    pg.CreateConversionStmt,
    pg.CreateOpClassStmt,
    pg.CreateOpFamilyStmt,
    pg.CreateTransformStmt,
    pg.AlterOpFamilyStmt,
    pg.AlterOperatorStmt,
    pg.DeallocateStmt,
    pg.FetchStmt,
    pg.ListenStmt,
    pg.NotifyStmt,
    pg.UnlistenStmt,
}
"""Statements that touch no user's relation, and whose errors lie outside the schema."""

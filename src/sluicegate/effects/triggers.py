"""CREATE TRIGGER, CREATE RULE, CREATE and ALTER POLICY, CREATE EVENT TRIGGER."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from postgast import pg_query_pb2 as pg

from sluicegate.catalog.builtins import builtins
from sluicegate.catalog.expressions import Invalid
from sluicegate.catalog.model import Index, RelationKind
from sluicegate.catalog.replay.objects import trigger_events, trigger_timing
from sluicegate.effects.context import Refused
from sluicegate.effects.model import LockMode
from sluicegate.effects.policies import change_policy, create_policy
from sluicegate.effects.queries import QueryReader
from sluicegate.effects.query_levels import Level, Stage
from sluicegate.effects.reading import note_reads
from sluicegate.effects.scopes import Scope, Source
from sluicegate.statements.nodes import qualified, strings, unwrap, walk_kinds

if TYPE_CHECKING:
    from sluicegate.catalog.model import Relation
    from sluicegate.effects.context import Context
    from sluicegate.effects.model import Effects

_SRX, _AX = LockMode.ShareRowExclusiveLock, LockMode.AccessExclusiveLock
_EVENTS = {"ddl_command_start", "ddl_command_end", "sql_drop", "table_rewrite", "login"}
_HAVE_RULES = {RelationKind.TABLE, RelationKind.PARTITIONED, RelationKind.VIEW}


def predict_triggers(context: Context, node: Any) -> Effects:
    """Predict a statement that hangs something on a table."""
    match node:
        case pg.CreateTrigStmt():
            _create_trigger(context, node)
        case pg.RuleStmt():
            _create_rule(context, node)
        case pg.CreatePolicyStmt():
            create_policy(context, node)
        case pg.AlterPolicyStmt():
            change_policy(context, node)
        case pg.CreateEventTrigStmt():
            _create_event_trigger(context, node)
    return context.builder.finish()


def open_table(context: Context, name: Any) -> Relation:
    """Return the table or view that a statement names.

    Raises:
        Refused: it does not exist (42P01), is an index (42809) or a system catalog (42501).
    """
    found = context.relation_or_index(name)
    if found is None:
        if context.is_system(name):
            raise Refused("42501", f'permission denied: "{qualified(name)[1]}" is a system catalog')
        context.missing(name)
    if isinstance(found, Index):
        raise Refused("42809", f'cannot open relation "{found.name.name}"')
    return found


# -- triggers ----------------------------------------------------------------------------------------------------------


def _create_trigger(context: Context, node: Any) -> None:
    """Source: ``CreateTriggerFiringOn`` in PostgreSQL's commands/trigger.c, in its order of checks."""
    builder = context.builder
    if node.replace and node.isconstraint:
        raise Refused("0A000", "CREATE OR REPLACE CONSTRAINT TRIGGER is not supported")
    relation = open_table(context, node.relation)
    timing, events = trigger_timing(node), trigger_events(node)
    _check_kind(relation, node, timing, events)
    builder.lock(relation, _SRX)
    if node.HasField("constrrel") and node.constrrel.relname:
        builder.lock(context.require_relation(node.constrrel), LockMode.AccessShareLock)
    if node.row and "truncate" in events:
        raise Refused("0A000", "TRUNCATE FOR EACH ROW triggers are not supported")
    if timing == "instead of":
        if not node.row:
            raise Refused("0A000", "INSTEAD OF triggers must be FOR EACH ROW")
        if node.HasField("when_clause"):
            raise Refused("0A000", "INSTEAD OF triggers cannot have WHEN conditions")
        if node.columns:
            raise Refused("0A000", "INSTEAD OF triggers cannot have column lists")
    _check_transition_tables(node, timing, events)
    if node.HasField("when_clause"):
        _check_when(context, relation, node, events)
    _require_function(context, node.funcname, "trigger")
    if node.trigname in relation.triggers and not node.replace:
        raise Refused("42710", f'trigger "{node.trigname}" for relation "{relation.name.name}" already exists')
    if node.isconstraint and node.trigname in relation.constraints:
        key = "pg_constraint_conrelid_contypid_conname_index"
        raise Refused("23505", f'duplicate key value violates unique constraint "{key}"')
    seen: set[str] = set()
    for column in strings(node.columns):
        if column not in relation.columns:
            context.absent("42703", f'column "{column}" of relation "{relation.name.name}" does not exist')
        if column in seen:
            raise Refused("42701", f'column "{column}" specified more than once')
        seen.add(column)
    if relation.kind is RelationKind.PARTITIONED and node.row:
        for member in context.catalog.descendants_of(relation.name):
            builder.lock(member, _SRX)


def _check_kind(relation: Relation, node: Any, timing: str, events: tuple[str, ...]) -> None:
    name = relation.name.name
    match relation.kind:
        case RelationKind.TABLE | RelationKind.PARTITIONED:
            if timing == "instead of":
                raise Refused("42809", f'"{name}" is a table')
            if relation.kind is RelationKind.PARTITIONED and node.row and node.transition_rels:
                raise Refused("0A000", f'"{name}" is a partitioned table')
            if relation.parents and node.row and node.transition_rels:
                what = "inheritance children" if relation.bound is None else "partitions"
                raise Refused("0A000", f"ROW triggers with transition tables are not supported on {what}")
        case RelationKind.VIEW:
            if (timing != "instead of" and node.row) or "truncate" in events:
                raise Refused("42809", f'"{name}" is a view')
        case RelationKind.FOREIGN:
            if timing == "instead of" or node.isconstraint:
                raise Refused("42809", f'"{name}" is a foreign table')
        case _:
            raise Refused("42809", f'relation "{name}" cannot have triggers')


def _check_transition_tables(node: Any, timing: str, events: tuple[str, ...]) -> None:
    if not node.transition_rels:
        return
    if timing != "after":
        raise Refused("42P17", "transition table name can only be specified for an AFTER trigger")
    if "truncate" in events:
        raise Refused("42P17", "TRUNCATE triggers with transition tables are not supported")
    if len(events) > 1:
        raise Refused("0A000", "transition tables cannot be specified for triggers with more than one event")
    if node.columns:
        raise Refused("0A000", "transition tables cannot be specified for triggers with column lists")
    for item in node.transition_rels:
        transition = item.trigger_transition
        if transition.is_new and events == ("delete",):
            raise Refused("42P17", "NEW TABLE can only be specified for an INSERT or UPDATE trigger")
        if not transition.is_new and events == ("insert",):
            raise Refused("42P17", "OLD TABLE can only be specified for a DELETE or UPDATE trigger")


def _check_when(context: Context, relation: Relation, node: Any, events: tuple[str, ...]) -> None:
    if any(True for _ in walk_kinds(node.when_clause, pg.SubLink)):
        raise Refused("0A000", "cannot use subquery in trigger WHEN condition")
    columns = [(column.name, column.type) for column in relation.columns.values()]
    scope = Scope([Source("old", list(columns), relation), Source("new", list(columns), relation)])
    try:
        QueryReader(context).reader(Level(scope)).condition(node.when_clause, "WHEN")
    except Invalid as invalid:
        raise Refused(invalid.sqlstate, invalid.message) from None
    used = {
        strings(reference.fields)[0]
        for reference in walk_kinds(node.when_clause, pg.ColumnRef)
        if strings(reference.fields)[0] in {"old", "new"}
    }
    if used and not node.row:
        raise Refused("42P17", "statement trigger's WHEN condition cannot reference column values")
    if "old" in used and "insert" in events:
        raise Refused("42P17", "INSERT trigger's WHEN condition cannot reference OLD values")
    if "new" in used and "delete" in events:
        raise Refused("42P17", "DELETE trigger's WHEN condition cannot reference NEW values")
    if trigger_timing(node) == "before":
        for reference in walk_kinds(node.when_clause, pg.ColumnRef):
            parts = strings(reference.fields)
            column = relation.columns.get(parts[-1]) if parts[0] == "new" and len(parts) == 2 else None
            if column is not None and column.generated is not None:
                raise Refused("42P17", "BEFORE trigger's WHEN condition cannot reference NEW generated columns")


def _require_function(context: Context, names: Any, returns: str) -> None:
    """Refuse a function that does not exist (42883) or does not return what a trigger's must (42P17)."""
    schema, name = qualified(names)
    shown = f"{schema}.{name}" if schema else name
    for function in context.functions(names):
        if function.argument_types:
            continue
        if function.returns is None or function.returns.name.name != returns:
            raise Refused("42P17", f"function {name} must return type {returns}")
        return
    for builtin in builtins(context.version).functions(name):
        if schema in (None, "pg_catalog") and not builtin.arguments:
            if builtin.returns != returns:
                raise Refused("42P17", f"function {name} must return type {returns}")
            return
    if schema and schema not in context.catalog.schemas and schema != "pg_catalog":
        context.absent("3F000", f'schema "{schema}" does not exist')
    context.absent("42883", f"function {shown}() does not exist")


def _create_event_trigger(context: Context, node: Any) -> None:
    """Source: ``CreateEventTrigger`` in PostgreSQL's commands/event_trigger.c."""
    if node.eventname not in _EVENTS or (node.eventname == "login" and context.version < 17):
        raise Refused("42601", f'unrecognized event name "{node.eventname}"')
    for item in node.whenclause:
        if item.def_elem.defname != "tag":
            raise Refused("42601", f'unrecognized filter variable "{item.def_elem.defname}"')
    _require_function(context, node.funcname, "event_trigger")


# -- rules -------------------------------------------------------------------------------------------------------------


_QUALIFIED = (pg.SelectStmt, pg.InsertStmt, pg.UpdateStmt, pg.DeleteStmt)


def _create_rule(context: Context, node: Any) -> None:
    """Source: ``transformRuleStmt`` in parse_utilcmd.c and ``DefineQueryRewrite`` in rewriteDefine.c."""
    relation = open_table(context, node.relation)
    name = relation.name.name
    if relation.kind is RelationKind.MATERIALIZED_VIEW:
        raise Refused("0A000", "rules on materialized views are not supported")
    context.builder.lock(relation, _AX)
    columns = [(column.name, column.type) for column in relation.columns.values()]
    around = Scope([Source("old", list(columns), relation), Source("new", list(columns), relation)])
    if node.HasField("where_clause"):
        try:
            QueryReader(context).reader(Level(around)).condition(node.where_clause)
        except Invalid as invalid:
            raise Refused(invalid.sqlstate, invalid.message) from None
        if not all(isinstance(unwrap(item), _QUALIFIED) for item in node.actions):
            raise Refused(
                "42P17", "rules with WHERE conditions can only have SELECT, INSERT, UPDATE, or DELETE actions"
            )
    for item in node.actions:
        _action(context, unwrap(item), around)
    if relation.kind not in _HAVE_RULES:
        raise Refused("42809", f'relation "{name}" cannot have rules')
    if node.event == pg.CMD_SELECT and relation.kind is not RelationKind.VIEW:
        raise Refused("42809", f'relation "{name}" cannot have ON SELECT rules')
    if node.rulename in relation.rules and not node.replace:
        raise Refused("42710", f'rule "{node.rulename}" for relation "{name}" already exists')


def _action(context: Context, node: Any, around: Scope) -> None:
    from sluicegate.effects.data_changes import CHANGES, note_change

    if isinstance(node, CHANGES):
        note_change(context, node, Stage.ANALYZED, outer=around)
    elif isinstance(node, pg.SelectStmt):
        reader = QueryReader(context)
        reader.query(node, around)
        note_reads(context, reader, Stage.ANALYZED)

"""The door to prediction: finds the family of a statement and turns its answer into effects."""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

from sluicegate.catalog.timeline import Slip, guarded
from sluicegate.effects.assumptions import predict_assuming, with_vector
from sluicegate.effects.context import Context, Refused, Unknowable
from sluicegate.effects.model import Effects
from sluicegate.effects.versions import newer_syntax
from sluicegate.statements.nodes import messages

if TYPE_CHECKING:
    from sluicegate.catalog.model import Catalog
    from sluicegate.catalog.session import Session
    from sluicegate.statements.parse import Statement

FAMILIES: dict[str, tuple[str, ...]] = {
    "alter_table": ("alter_table_stmt", "alter_table_move_all_stmt"),
    "domains_enums": (
        *("alter_domain_stmt", "create_domain_stmt", "alter_enum_stmt", "create_enum_stmt", "composite_type_stmt"),
        *("create_range_stmt", "alter_type_stmt"),
    ),
    "renames": ("rename_stmt", "alter_object_schema_stmt", "alter_owner_stmt"),
    "indexes": ("index_stmt", "reindex_stmt"),
    "drops": ("drop_stmt", "drop_owned_stmt"),
    "data_changes": (
        *("insert_stmt", "update_stmt", "delete_stmt", "merge_stmt", "select_stmt", "copy_stmt", "truncate_stmt"),
        *("lock_stmt", "explain_stmt", "declare_cursor_stmt", "prepare_stmt", "execute_stmt"),
    ),
    "triggers": ("create_trig_stmt", "rule_stmt", "create_policy_stmt", "alter_policy_stmt", "create_event_trig_stmt"),
    "maintenance": ("vacuum_stmt", "cluster_stmt", "refresh_mat_view_stmt", "check_point_stmt"),
    "tables": ("create_stmt", "create_table_as_stmt", "view_stmt", "create_foreign_table_stmt", "create_seq_stmt"),
    "blocks": ("do_stmt", "call_stmt"),
}
"""Family (module ``effects.<family>`` with ``predict_<family>(context, node)``) → kinds of statements it knows."""

REST = "other"
"""The family of every kind that no other family claims."""

_FAMILY_OF = {kind: family for family, kinds in FAMILIES.items() for kind in kinds}


def preload() -> None:
    """Import every family, for whoever has to wait for something else before the first prediction."""
    for family in (*FAMILIES, REST):
        importlib.import_module(f"sluicegate.effects.{family}")


def predict(statement: Statement, catalog: Catalog, session: Session, version: int) -> Effects:
    """Predict what a statement does to the relations of a catalog.

    Args:
        statement: the statement.
        catalog: the schema before it.
        session: the settings it runs under; inside a transaction block, what is forbidden there is refused (25001).
        version: the server's major version.

    A slip of ours in judging the statement makes it unknown, and the effects say so.
    """
    messages(statement.node)
    effects = guarded(
        lambda: predict_in(Context.of(statement, catalog, session, version), statement.kind, statement.node)
    )
    return Effects().uncertain(str(effects)) if isinstance(effects, Slip) else effects


def predict_in(context: Context, kind: str, node: Any) -> Effects:
    """Predict a statement's tree in a context that already exists, such as the query below an EXPLAIN ANALYZE."""
    if (refusal := newer_syntax(context.statement, context.version)) is not None:
        context.builder.refuse(refusal.sqlstate, refusal.message)
        return context.builder.finish()
    if not context.catalog.complete:
        context = context.with_catalog(with_vector(context.catalog))
        # Over what is assumed nothing is missing, so there it need not be looked for again.
        assumed = predict_assuming(context, lambda other: _predict_known(other, kind, node))
        if assumed is not None:
            return assumed
    return _predict_known(context, kind, node)


def _predict_known(context: Context, kind: str, node: Any) -> Effects:
    """Predict a statement all of whose relations are in the catalog, as far as they can be."""
    family = _FAMILY_OF.get(kind, REST)
    # Imported when it is asked for: judging one file needs a few of the families.
    answer = importlib.import_module(f"sluicegate.effects.{family}")
    try:
        effects: Effects = getattr(answer, f"predict_{family}")(context, node)
    except Refused as refused:
        context.builder.refuse(refused.refusal.sqlstate, refused.refusal.message)
        return context.builder.finish()
    except Unknowable as unknowable:
        context.builder.unknown(str(unknowable))
        return context.builder.finish()
    except RecursionError:
        context.builder.unknown("an expression is nested too deeply to be judged")
        return context.builder.finish()
    return effects

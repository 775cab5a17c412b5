"""The door to replay: which function replays which kind of statement."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

from sluicegate.catalog.model import Catalog, RelationKind
from sluicegate.catalog.replay import (
    alter,
    blocks,
    drops,
    functions,
    indexes,
    objects,
    others,
    renames,
    sequences,
    tables,
    types,
    views,
)
from sluicegate.catalog.replay.draft import Draft
from sluicegate.catalog.replay.mentions import note_mention
from sluicegate.statements.nodes import kind_of, unwrap

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from sluicegate.catalog.session import Session
    from sluicegate.statements.parse import Statement

_Step = "Callable[[Draft, Any], object]"


def _foreign_table(draft: Draft, node: Any) -> None:
    tables.create_table(draft, node.base_stmt, kind=RelationKind.FOREIGN)


def _schema(draft: Draft, node: Any) -> None:
    name = objects.create_schema(draft, node)
    outside = draft.session
    if name is not None:
        draft.session = replace(outside, search_path=(name, *outside.search_path))
    for element in node.schema_elts:
        inner = unwrap(element)
        step(draft, kind_of(element), inner)
    draft.session = outside


STEPS: dict[str, Callable[[Draft, Any], object]] = {
    "create_stmt": tables.create_table,
    "create_foreign_table_stmt": _foreign_table,
    "alter_table_stmt": alter.alter_table,
    "index_stmt": indexes.create_index,
    "drop_stmt": drops.drop,
    "rename_stmt": renames.rename,
    "alter_object_schema_stmt": renames.set_schema,
    "create_enum_stmt": types.create_enum,
    "alter_enum_stmt": types.alter_enum,
    "composite_type_stmt": types.create_composite,
    "create_range_stmt": types.create_range,
    "create_domain_stmt": types.create_domain,
    "alter_domain_stmt": types.alter_domain,
    "define_stmt": types.define,
    "view_stmt": views.create_view,
    "create_table_as_stmt": views.create_table_as,
    "select_stmt": views.select_into,
    "refresh_mat_view_stmt": views.refresh,
    "cluster_stmt": objects.note_clustered,
    "do_stmt": blocks.run_block,
    "create_seq_stmt": sequences.create_sequence,
    "alter_seq_stmt": alter.alter_sequence,
    "create_function_stmt": functions.create_function,
    "alter_function_stmt": functions.alter_function,
    "create_trig_stmt": objects.create_trigger,
    "create_policy_stmt": objects.create_policy,
    "alter_policy_stmt": objects.alter_policy,
    "rule_stmt": objects.create_rule,
    "create_extension_stmt": objects.create_extension,
    "alter_extension_stmt": objects.alter_extension,
    "create_schema_stmt": _schema,
    "create_stats_stmt": objects.create_statistics,
    "create_publication_stmt": objects.create_publication,
    "alter_publication_stmt": objects.alter_publication,
    "insert_stmt": objects.note_rows,
    "copy_stmt": objects.note_rows,
    "merge_stmt": objects.note_rows,
    "truncate_stmt": objects.note_truncated,
    **others.STEPS,
}
"""Kind of statement → what it leaves in the catalog; any other kind leaves nothing a prediction needs."""


def step(draft: Draft, kind: str, node: Any) -> None:
    """Replay one statement's tree on a draft."""
    replay = STEPS.get(kind)
    if replay is None:
        return
    if not draft.catalog.complete:
        note_mention(draft, node, replay)
    replay(draft, node)


def apply(statement: Statement, catalog: Catalog, session: Session) -> Catalog:
    """Return the schema after a statement, assuming that the server accepts it.

    A statement over names that are not in the catalog leaves it as it was.
    """
    return apply_all((statement,), catalog, session)


def apply_all(statements: Iterable[Statement], catalog: Catalog, session: Session) -> Catalog:
    """Return the schema after several statements that run under the same settings."""
    draft = Draft(catalog, session)
    for statement in statements:
        step(draft, statement.kind, statement.node)
    return draft.catalog

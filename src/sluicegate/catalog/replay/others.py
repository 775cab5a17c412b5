"""Objects of which only the existence matters: servers, casts, text search configurations, event triggers."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

from postgast import pg_query_pb2 as pg

from sluicegate.statements.nodes import qualified, string, unwrap

if TYPE_CHECKING:
    from collections.abc import Callable

    from sluicegate.catalog.replay.draft import Draft

WORDS = {
    pg.OBJECT_ACCESS_METHOD: "access method",
    pg.OBJECT_COLLATION: "collation",
    pg.OBJECT_CONVERSION: "conversion",
    pg.OBJECT_EVENT_TRIGGER: "event trigger",
    pg.OBJECT_FDW: "foreign-data wrapper",
    pg.OBJECT_FOREIGN_SERVER: "server",
    pg.OBJECT_LANGUAGE: "language",
    pg.OBJECT_OPERATOR: "operator",
    pg.OBJECT_OPCLASS: "operator class",
    pg.OBJECT_OPFAMILY: "operator family",
    pg.OBJECT_TSCONFIGURATION: "text search configuration",
    pg.OBJECT_TSDICTIONARY: "text search dictionary",
    pg.OBJECT_TSPARSER: "text search parser",
    pg.OBJECT_TSTEMPLATE: "text search template",
}
"""What the server calls each kind in its messages; ``Catalog.others`` uses the same words."""


def note(draft: Draft, word: str, name: str) -> None:
    """Remember that an object exists."""
    draft.catalog = replace(draft.catalog, others=draft.catalog.others | {(word, name)})


def forget(draft: Draft, word: str, name: str) -> None:
    """Forget an object that was dropped."""
    draft.catalog = replace(draft.catalog, others=draft.catalog.others - {(word, name)})


def name_of(item: Any) -> str:
    """Return an object's own name, without its schema."""
    inner = unwrap(item)
    if isinstance(inner, pg.String):
        return string(inner)
    if isinstance(inner, pg.ObjectWithArgs):
        return qualified(inner.objname)[1]
    return qualified(inner)[1]


def _define(draft: Draft, node: Any) -> None:
    from sluicegate.catalog.replay import types

    types.define(draft, node)
    if node.kind in WORDS:
        note(draft, WORDS[node.kind], qualified(node.defnames)[1])


def _drop_roles(draft: Draft, node: Any) -> None:
    for item in node.roles:
        forget(draft, "role", item.role_spec.rolename)


STEPS: dict[str, Callable[[Draft, Any], object]] = {
    "define_stmt": _define,
    "create_am_stmt": lambda draft, node: note(draft, "access method", node.amname),
    "create_conversion_stmt": lambda draft, node: note(draft, "conversion", qualified(node.conversion_name)[1]),
    "create_event_trig_stmt": lambda draft, node: note(draft, "event trigger", node.trigname),
    "create_fdw_stmt": lambda draft, node: note(draft, "foreign-data wrapper", node.fdwname),
    "create_foreign_server_stmt": lambda draft, node: note(draft, "server", node.servername),
    "create_role_stmt": lambda draft, node: note(draft, "role", node.role),
    "drop_role_stmt": _drop_roles,
    "create_plang_stmt": lambda draft, node: note(draft, "language", node.plname),
    "create_op_class_stmt": lambda draft, node: note(draft, "operator class", qualified(node.opclassname)[1]),
    "create_op_family_stmt": lambda draft, node: note(draft, "operator family", qualified(node.opfamilyname)[1]),
}
"""Kind of statement → what it leaves in ``Catalog.others``."""

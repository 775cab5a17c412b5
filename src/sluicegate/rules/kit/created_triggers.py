"""What a CREATE TRIGGER will do to rows, as far as the body of its function tells."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from sluicegate.catalog.model import Name
from sluicegate.rules.kit.bodies import read_body
from sluicegate.statements.nodes import qualified

if TYPE_CHECKING:
    from sluicegate.rules.kit.context import Context

_UPDATE_EVENT, _INSERT_EVENT = 1 << 4, 1 << 2  # TRIGGER_TYPE_UPDATE, TRIGGER_TYPE_INSERT (pg_trigger.h)
_BEFORE = 1 << 1


@dataclass(frozen=True, slots=True)
class CreatedTrigger:
    """A trigger about to exist.

    Attributes:
        name: its name.
        table: the table it fires for.
        updates: tables whose rows its function updates or deletes.
        fills: whether it sets columns of the row that is being written.
        known: whether the function's body could be read in full.
    """

    name: str
    table: Name
    updates: tuple[Name, ...]
    fills: bool
    known: bool


def created_trigger(context: Context) -> CreatedTrigger | None:
    """Return what a CREATE TRIGGER is about to do; None for another statement."""
    if context.kind != "create_trig_stmt":
        return None
    node = context.node
    table = context.name_of(node.relation)
    schema, function_name = qualified(node.funcname)
    body = None
    for candidate in (schema,) if schema else context.step.session.search_path:
        for function in context.before.functions.get(Name(candidate, function_name), ()):
            body = body or read_body(function.body)
    if body is None:
        return CreatedTrigger(node.trigname, table, (), fills=False, known=False)
    changed = (context.lookup(*name) for name in (*body.updates, *body.deletes))
    fills = bool(body.assigns) and bool(node.timing & _BEFORE) and bool(node.events & (_INSERT_EVENT | _UPDATE_EVENT))
    return CreatedTrigger(node.trigname, table, tuple(dict.fromkeys(changed)), fills, known=not body.dynamic)

"""What calling functions does when a query runs: sequences that move, and the statements in the bodies of functions."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from postgast import pg_query_pb2 as pg

from sluicegate.effects.context import Refused
from sluicegate.effects.model import LockMode
from sluicegate.effects.reading import sequence_argument, split_name
from sluicegate.effects.sequences import bounds_of
from sluicegate.statements.nodes import qualified, string, strings, unwrap, value_of

if TYPE_CHECKING:
    from sluicegate.catalog.model import Relation
    from sluicegate.effects.context import Context

_MOVES = {"nextval", "setval"}
_NAMES_RELATION = {"pg_relation_size", "pg_total_relation_size", "pg_table_size", "pg_indexes_size"}


def note_call(context: Context, call: Any) -> None:
    """Note what a function call does.

    Raises:
        Refused: it fails on a name that does not exist.
    """
    if isinstance(call, pg.TypeCast):
        _require_named(context, call.arg)
        return
    schema, name = qualified(call.funcname)
    if schema in (None, "pg_catalog") and not context.functions(call.funcname):
        if name in _MOVES and call.args:
            _move(context, call)
        elif name == "currval" and call.args:
            sequence_argument(context, call.args[0])
        elif name in _NAMES_RELATION and call.args:
            _require_named(context, call.args[0])
        elif name in {"current_setting", "set_config"} and len(call.args) >= 1:
            _setting(context, call, name)
        return
    for function in context.functions(call.funcname):
        if len(function.argument_types) - function.defaults <= len(call.args) <= len(function.argument_types):
            if function.returns is not None and function.returns.name.name in {"trigger", "event_trigger"}:
                raise Refused("0A000", "trigger functions can only be called as triggers")
            from sluicegate.effects.blocks import note_function

            note_function(context, function)
            return


def _move(context: Context, call: Any) -> None:
    sequence = sequence_argument(context, call.args[0])
    if sequence is None:
        context.builder.unknown("which sequence is meant is not known")
        return
    context.builder.lock(sequence, LockMode.RowExclusiveLock)
    if qualified(call.funcname)[1] == "setval" and len(call.args) > 1:
        _check_bounds(sequence, call.args[1])


def _check_bounds(sequence: Relation, node: Any) -> None:
    """Refuse to set a sequence to a constant outside its bounds."""
    inner = unwrap(node)
    negative = isinstance(inner, pg.A_Expr) and strings(inner.name) == ("-",) and not inner.HasField("lexpr")
    value = value_of(inner.rexpr if negative else inner)
    if type(value) is not int:
        return
    low, high = bounds_of(sequence)
    if not low <= (-value if negative else value) <= high:
        message = f'setval: value {value} is out of bounds for sequence "{sequence.name.name}"'
        raise Refused("22003", message)


def _require_named(context: Context, node: Any) -> None:
    inner = unwrap(node)
    text = string(inner)
    if not text:
        return
    name = split_name(text)
    if context.relation_or_index(name) is None and not context.is_system(name):
        context.missing(name, parsing=True)


def _setting(context: Context, call: Any, name: str) -> None:
    from sluicegate.catalog.builtins import builtins

    text = string(call.args[0])
    missing_ok = name == "current_setting" and len(call.args) > 1
    if text and "." not in text and text.lower() not in builtins(context.version).settings and not missing_ok:
        raise Refused("42704", f'unrecognized configuration parameter "{text}"')

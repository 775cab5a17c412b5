"""CREATE SEQUENCE and ALTER SEQUENCE."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from sluicegate.catalog.model import Index, RelationKind
from sluicegate.effects.context import Refused
from sluicegate.effects.model import LockMode
from sluicegate.effects.new_names import refuse_taken, target_name
from sluicegate.statements.nodes import strings, unwrap, value_of

if TYPE_CHECKING:
    from collections.abc import Mapping

    from sluicegate.catalog.model import Name, Relation
    from sluicegate.effects.context import Context

_RANGES = {"int2": 2**15 - 1, "int4": 2**31 - 1, "int8": 2**63 - 1}
_OWNERS = {RelationKind.TABLE, RelationKind.PARTITIONED, RelationKind.VIEW, RelationKind.FOREIGN}


def create_sequence(context: Context, node: Any) -> None:
    """Note the effects of a ``CreateSeqStmt``."""
    name = target_name(context, node.sequence)
    if name in context.catalog.relations or name in context.catalog.indexes:
        if node.if_not_exists:
            return
        refuse_taken(context, name)
    check_sequence_options(context, node.options, None, "int8")
    _owned_by(context, node.options, name)


def alter_sequence(context: Context, node: Any) -> None:
    """Note the effects of an ``AlterSeqStmt`` (``AlterSequence`` in PostgreSQL's commands/sequence.c)."""
    sequence = context.relation_or_index(node.sequence)
    if sequence is None:
        if not node.missing_ok:
            context.missing(node.sequence)
        return
    if isinstance(sequence, Index) or sequence.kind is not RelationKind.SEQUENCE:
        raise Refused("42809", f'"{sequence.name.name}" is not a sequence')
    kind = sequence.sequence_type.name.name if sequence.sequence_type is not None else "int8"
    check_sequence_options(context, node.options, sequence.sequence_options, kind)
    context.builder.lock(sequence, LockMode.ShareRowExclusiveLock)
    if any(unwrap(item).defname == "owned_by" for item in node.options) and _is_identity(context, sequence):
        raise Refused("0A000", "cannot change ownership of identity sequence")
    _owned_by(context, node.options, sequence.name)


def bounds_of(sequence: Relation) -> tuple[int, int]:
    """Return the smallest and the largest value of a sequence."""
    kind = sequence.sequence_type.name.name if sequence.sequence_type is not None else "int8"
    limit = _RANGES.get(kind, _RANGES["int8"])
    numbers = {name: int(text) for name, text in sequence.sequence_options.items() if text.lstrip("-").isdigit()}
    up = numbers.get("increment", 1) > 0
    least, most = (1, limit) if up else (-limit - 1, -1)
    return numbers.get("minvalue", least), numbers.get("maxvalue", most)


def _is_identity(context: Context, sequence: Relation) -> bool:
    if sequence.owned_by is None:
        return False
    table = context.catalog.relations.get(sequence.owned_by[0])
    column = table.columns.get(sequence.owned_by[1]) if table is not None else None
    return column is not None and column.identity is not None


def check_sequence_options(context: Context, definitions: Any, before: Mapping[str, str] | None, kind: str) -> None:
    """Refuse contradictory numbers (``init_params``); ``before`` are the options of a sequence that is altered."""
    given: dict[str, Any] = {}
    for item in definitions:
        element = unwrap(item)
        if element.defname in given:
            raise Refused("42601", "conflicting or redundant options")
        given[element.defname] = unwrap(element.arg) if element.HasField("arg") else None
    if given.get("as") is not None:
        kind = context.require_type(given["as"]).name.name
        if kind not in _RANGES:
            raise Refused("22023", "sequence type must be smallint, integer, or bigint")
    numbers = {name: _number(given[name]) for name in given if name not in {"as", "owned_by", "cycle"}}
    old = {name: int(text) for name, text in (before or {}).items() if text.lstrip("-").isdigit()}
    step = numbers.get("increment", old.get("increment", 1))
    if step == 0:
        raise Refused("22023", "INCREMENT must not be zero")
    up, limit = (step or 1) > 0, _RANGES[kind]
    most = numbers.get("maxvalue") if "maxvalue" in numbers else old.get("maxvalue")
    least = numbers.get("minvalue") if "minvalue" in numbers else old.get("minvalue")
    most = (limit if up else -1) if most is None else most
    least = (1 if up else -limit - 1) if least is None else least
    for word, value in (("MAXVALUE", most), ("MINVALUE", least)):
        if not -limit - 1 <= value <= limit:
            raise Refused("22023", f"{word} ({value}) is out of range for sequence data type {_LONG[kind]}")
    if least >= most:
        raise Refused("22023", f"MINVALUE ({least}) must be less than MAXVALUE ({most})")
    if before is not None and numbers.get("start") is None:
        numbers["start"] = old.get("start", old.get("minvalue", 1) if up else old.get("maxvalue", -1))
    for word in ("start", "restart"):
        number = numbers.get(word)
        if number is not None and number < least:
            raise Refused("22023", f"{word.upper()} value ({number}) cannot be less than MINVALUE ({least})")
        if number is not None and number > most:
            raise Refused("22023", f"{word.upper()} value ({number}) cannot be greater than MAXVALUE ({most})")
    cache = numbers.get("cache")
    if cache is not None and cache <= 0:
        raise Refused("22023", f"CACHE ({cache}) must be greater than zero")


_LONG = {"int2": "smallint", "int4": "integer", "int8": "bigint"}


def _number(node: Any) -> int | None:
    value = value_of(node)
    try:
        return None if value is None or isinstance(value, bool) else int(value)
    except ValueError:
        return None


def _owned_by(context: Context, definitions: Any, sequence: Name) -> None:
    """Note the table that a sequence is tied to (``process_owned_by``)."""
    for item in definitions:
        element = unwrap(item)
        if element.defname != "owned_by":
            continue
        parts = strings(unwrap(element.arg).items)
        if len(parts) == 1:
            if parts[0].lower() != "none":
                raise Refused("42601", "invalid OWNED BY option")
            return
        owner = context.require_relation((parts[-3] if len(parts) > 2 else None, parts[-2]))
        if owner.kind not in _OWNERS:
            raise Refused("42809", f'sequence cannot be owned by relation "{owner.name.name}"')
        if owner.name.schema != sequence.schema:
            raise Refused("55000", "sequence must be in same schema as table it is linked to")
        if parts[-1] not in owner.columns:
            context.absent("42703", f'column "{parts[-1]}" of relation "{owner.name.name}" does not exist')
        context.builder.lock(owner, LockMode.AccessShareLock)

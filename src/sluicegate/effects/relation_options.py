"""Storage parameters: which exist for what, their ranges, and the lock that changing one takes."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Any, NamedTuple

from sluicegate.effects.model import LockMode, Refusal
from sluicegate.statements.nodes import options, unwrap

if TYPE_CHECKING:
    from collections.abc import Iterable

_SUX, _AX = LockMode.ShareUpdateExclusiveLock, LockMode.AccessExclusiveLock
_INT_MAX = 2**31 - 1
_DOUBLE_MAX = sys.float_info.max
_BOOLEANS = frozenset({"true", "false", "on", "off", "yes", "no", "1", "0", "t", "f", "y", "n"})


class Option(NamedTuple):
    """A storage parameter: ``kind`` is integer, floating point, boolean or enum; ``since`` a major version."""

    kind: str
    low: float = 0
    high: float = 0
    values: tuple[str, ...] = ()
    lock: LockMode = _SUX
    since: int = 0


def _integer(low: int, high: int, lock: LockMode = _SUX, since: int = 0) -> Option:
    return Option("integer", low, high, lock=lock, since=since)


def _real(low: float, high: float, since: int = 0) -> Option:
    return Option("floating point", low, high, since=since)


def _boolean(lock: LockMode = _SUX, since: int = 0) -> Option:
    return Option("boolean", lock=lock, since=since)


# PostgreSQL 18, access/common/reloptions.c; the manual's CREATE TABLE and CREATE INDEX, "Storage Parameters".
_VACUUM = {
    "autovacuum_enabled": _boolean(),
    "autovacuum_vacuum_threshold": _integer(0, _INT_MAX),
    "autovacuum_vacuum_max_threshold": _integer(-1, _INT_MAX, since=18),
    "autovacuum_vacuum_insert_threshold": _integer(-1, _INT_MAX),
    "autovacuum_vacuum_cost_limit": _integer(1, 10_000),
    "autovacuum_vacuum_cost_delay": _real(0, 100),
    "autovacuum_vacuum_scale_factor": _real(0, 100),
    "autovacuum_vacuum_insert_scale_factor": _real(0, 100),
    "autovacuum_freeze_min_age": _integer(0, 1_000_000_000),
    "autovacuum_freeze_max_age": _integer(100_000, 2_000_000_000),
    "autovacuum_freeze_table_age": _integer(0, 2_000_000_000),
    "autovacuum_multixact_freeze_min_age": _integer(0, 1_000_000_000),
    "autovacuum_multixact_freeze_max_age": _integer(10_000, 2_000_000_000),
    "autovacuum_multixact_freeze_table_age": _integer(0, 2_000_000_000),
    "log_autovacuum_min_duration": _integer(-1, _INT_MAX),
    "vacuum_index_cleanup": Option("enum", values=("auto", *sorted(_BOOLEANS))),
    "vacuum_truncate": _boolean(),
    "vacuum_max_eager_freeze_failure_rate": _real(0, 1, since=18),
}
_HEAP = {
    **_VACUUM,
    "autovacuum_analyze_threshold": _integer(0, _INT_MAX),
    "autovacuum_analyze_scale_factor": _real(0, 100),
    "fillfactor": _integer(10, 100),
    "toast_tuple_target": _integer(128, 8160),
    "parallel_workers": _integer(0, 1024),
    "user_catalog_table": _boolean(_AX),
}
_FILL = {"fillfactor": _integer(10, 100)}
_OPTIONS: dict[str, dict[str, Option]] = {
    "table": _HEAP,
    "toast": _VACUUM,
    "view": {
        "security_barrier": _boolean(_AX),
        "security_invoker": _boolean(_AX, since=15),
        "check_option": Option("enum", values=("local", "cascaded"), lock=_AX),
    },
    "attribute": {"n_distinct": _real(-1, _DOUBLE_MAX), "n_distinct_inherited": _real(-1, _DOUBLE_MAX)},
    "btree": {**_FILL, "deduplicate_items": _boolean()},
    "hash": _FILL,
    "gist": {**_FILL, "buffering": Option("enum", values=("on", "off", "auto"), lock=_AX)},
    "spgist": _FILL,
    "gin": {"fastupdate": _boolean(_AX), "gin_pending_list_limit": _integer(64, _INT_MAX // 1024, _AX)},
    "brin": {"pages_per_range": _integer(1, 131_072, _AX), "autosummarize": _boolean(_AX)},
    # pgvector 0.8.5, hnsw.c and ivfflat.c. It registers them with ACCESS EXCLUSIVE, but a session that has not
    # used pgvector yet has not loaded its library, and the server then takes the mode of parameters it does not know.
    "hnsw": {"m": _integer(2, 100), "ef_construction": _integer(4, 1000)},
    "ivfflat": {"lists": _integer(1, 32_768)},
}
HNSW_M, HNSW_EF_CONSTRUCTION = 16, 64
"""pgvector's defaults (hnsw.h)."""


def check_options(definitions: Iterable[Any], target: str, version: int) -> Refusal | None:
    """Return how the server rejects storage parameters, or None.

    Args:
        definitions: the ``DefElem`` nodes.
        target: ``table``, ``view``, ``attribute``, or an index's access method.
        version: the server's major version.
    """
    definitions = tuple(definitions)
    names = [(unwrap(item).defnamespace, unwrap(item).defname) for item in definitions]
    for one in names:
        if names.count(one) > 1:
            return Refusal("22023", f'parameter "{one[1]}" specified more than once')
    for name, value in options(definitions).items():
        space, _, base = name.rpartition(".")
        if space == "toast" and target == "table":
            known = _OPTIONS["toast"]
        elif space:
            return Refusal("22023", f'unrecognized parameter namespace "{space}"')
        else:
            known = _OPTIONS.get(target, {})
        if target == "table" and base == "oids":
            if str(value).lower() not in {"false", "off", "no", "0", "f", "n"}:
                return Refusal("0A000", "tables declared WITH OIDS are not supported")
            continue
        option = known.get(base)
        if option is None or option.since > version:
            return Refusal("22023", f'unrecognized parameter "{base}"')
        if (refusal := _check_value(base, option, value)) is not None:
            return refusal
    return None


def _check_value(name: str, option: Option, value: Any) -> Refusal | None:
    text = ("true" if value else "false") if isinstance(value, bool) else str(value)
    invalid = Refusal("22023", f'invalid value for {option.kind} option "{name}": {text}')
    match option.kind:
        case "boolean":
            return None if text.lower() in _BOOLEANS else invalid
        case "enum":
            return None if text.lower() in option.values else invalid
        case _:
            number = _number(text, whole=option.kind == "integer")
            if number is None:
                return invalid
            if not option.low <= number <= option.high:
                return Refusal("22023", f'value {text} out of bounds for option "{name}"')
    return None


def _number(text: str, *, whole: bool) -> float | None:
    """Read a number as ``parse_int`` and ``parse_real`` in PostgreSQL's guc.c do: an integer may be given as 16.4."""
    try:
        number = float(text)
    except ValueError:
        return None
    return float(round(number)) if whole else number


def options_lock(names: Iterable[str], target: str) -> LockMode:
    """Return the lock that setting or resetting these parameters takes (``AlterTableGetRelOptionsLockLevel``)."""
    known = _OPTIONS.get(target, {})
    modes = [known[name].lock for name in names if name in known]
    return max(modes, default=_SUX)

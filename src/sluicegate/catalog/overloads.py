"""Which of several functions or operators of one name a call means."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from sluicegate.catalog.builtins import builtins
from sluicegate.catalog.casts import CastContext, find_cast
from sluicegate.catalog.extensions import vector_schema
from sluicegate.catalog.model import Name, SqlType, Volatility
from sluicegate.catalog.polymorphism import POLYMORPHIC, UNKNOWN, consistent
from sluicegate.catalog.type_facts import type_facts
from sluicegate.catalog.types import CATALOG_SCHEMA, base_type, from_key, key_of

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence

    from sluicegate.catalog.builtins import BuiltinFunction
    from sluicegate.catalog.model import Catalog, Function


@dataclass(frozen=True, slots=True)
class Routine:
    """A function or operator that a call may mean.

    Attributes:
        name: its full name.
        arguments: types, as ``catalog.builtins`` names them; a variadic one is spread to the call's arguments.
        returns: the result type, likewise; None when it is not known.
        volatility: ``pg_proc.provolatile``.
        kind: ``f`` function, ``a`` aggregate, ``w`` window function, ``p`` procedure.
        returns_set: whether it gives rows.
        strict: whether NULL in gives NULL out.
        body: an SQL-language function's text, which the planner may inline; else None.
        user: the user's function behind it.
        spread: whether a variadic argument was spread.
        required: how many arguments have no default.
        outputs: names and types of OUT arguments.
    """

    name: Name
    arguments: tuple[str, ...]
    returns: str | None
    volatility: Volatility
    kind: str = "f"
    returns_set: bool = False
    strict: bool = False
    body: str | None = None
    user: Function | None = None
    spread: bool = False
    required: int = -1
    outputs: tuple[tuple[str, str], ...] = ()


class Ambiguous(Exception):  # noqa: N818 - an answer, not a failure of ours
    """Several candidates fit equally well (42725)."""


def find_functions(
    schema: str | None, name: str, catalog: Catalog, search_path: Sequence[str], version: int
) -> list[Routine]:
    """Return every function of a name that the search path reaches, in the order of the path."""
    path = [schema] if schema else [CATALOG_SCHEMA, *(item for item in search_path if item != CATALOG_SCHEMA)]
    if not schema and CATALOG_SCHEMA in search_path:
        path = list(search_path)
    found: list[Routine] = []
    vector = vector_schema(catalog)
    for place in path:
        found += [
            _routine_of_builtin(row, place)
            for row in builtins(version).functions(name)
            if place == (vector if row.from_vector else CATALOG_SCHEMA)
        ]
        found += [_routine_of_user(function, catalog) for function in catalog.functions.get(Name(place, name), ())]
    return found


def _routine_of_builtin(row: BuiltinFunction, schema: str) -> Routine:
    return Routine(
        Name(schema, row.name),
        row.arguments,
        row.returns,
        row.volatility,
        row.kind,
        row.returns_set,
        row.strict,
        row.body,
        spread=row.variadic is not None,
        required=len(row.arguments) - row.defaults,
        outputs=row.outputs,
    )


_KINDS = {"function": "f", "procedure": "p", "aggregate": "a", "window": "w"}


def _routine_of_user(function: Function, catalog: Catalog) -> Routine:
    return Routine(
        function.name,
        tuple(key_of(argument, catalog) for argument in function.argument_types),
        key_of(function.returns, catalog) if function.returns is not None else None,
        function.volatility,
        _KINDS.get(function.kind, "f"),
        function.returns_set,
        function.strict,
        function.body if function.language == "sql" else None,
        function,
        spread=function.variadic,
        required=len(function.argument_types) - function.defaults,
        outputs=tuple((name, key_of(kind, catalog)) for name, kind in function.outputs),
    )


def choose_function(
    candidates: Iterable[Routine], arguments: Sequence[SqlType], catalog: Catalog, version: int, *, named: bool = False
) -> Routine | None:
    """Return the function that a call with these argument types means, or None when none fits.

    Args:
        candidates: the functions of the name.
        arguments: the arguments' types; ``unknown`` for a string literal.
        catalog: the schema.
        version: the server's major version.
        named: True for named notation, where the order of arguments says nothing.

    Raises:
        Ambiguous: several fit equally well.
    """
    fitting: list[Routine] = []
    for candidate in candidates:
        spread = _for_count(candidate, len(arguments), catalog)
        if spread is not None and not any(_hides(other, spread) for other in fitting):
            fitting.append(spread)
    if named:
        return fitting[0] if fitting else None
    return _choose(fitting, list(arguments), catalog, version)


def _hides(earlier: Routine, later: Routine) -> bool:
    return earlier.arguments == later.arguments and not (earlier.spread and not later.spread)


def _for_count(candidate: Routine, count: int, catalog: Catalog) -> Routine | None:
    """Return a candidate as it looks to a call with so many arguments, or None when it takes another number."""
    own = len(candidate.arguments)
    required = candidate.required if candidate.required >= 0 else own
    if candidate.spread and count >= own:
        last = candidate.arguments[-1]
        inner = "any" if last == "any" else _element_key(last, catalog)
        arguments = (*candidate.arguments[:-1], *[inner] * (count - own + 1))
        return _with(candidate, arguments, spread=True)
    if count == own:
        return _with(candidate, candidate.arguments, spread=False)
    if required <= count < own:
        return _with(candidate, candidate.arguments[:count], spread=False)
    return None


def _element_key(key: str, catalog: Catalog) -> str:
    if key == "anyarray":
        return "anyelement"
    if key == "anycompatiblearray":
        return "anycompatible"
    found = from_key(key, catalog)
    return key_of(SqlType(found.name), catalog) if found.array else key


def _with(candidate: Routine, arguments: tuple[str, ...], *, spread: bool) -> Routine:
    return replace(candidate, arguments=arguments, spread=spread)


def find_operators(name: str, catalog: Catalog, version: int) -> list[Routine]:
    """Return every operator of a name; a prefix operator has one argument."""
    found = []
    vector = vector_schema(catalog)
    for row in builtins(version).operators(name):
        if row.from_vector and vector is None:
            continue
        arguments = (row.right,) if row.left is None else (row.left, row.right)
        schema = vector if row.from_vector and vector is not None else CATALOG_SCHEMA
        # An SQL-language function behind an operator is inlined like any other.
        bodies = builtins(version).functions(row.function) if row.volatility is not Volatility.IMMUTABLE else ()
        body = next((function.body for function in bodies if function.arguments == arguments), None)
        name_of = Name(schema, row.name)
        found.append(Routine(name_of, arguments, row.result, row.volatility, strict=row.strict, body=body))
    return found


def choose_operator(
    candidates: Iterable[Routine], arguments: Sequence[SqlType], catalog: Catalog, version: int
) -> Routine | None:
    """Return the operator that operands of these types mean, or None when none fits.

    Source: ``oper`` and ``binary_oper_exact`` in PostgreSQL's parse_oper.c: a literal is first taken to be of the
    other operand's type.

    Raises:
        Ambiguous: several fit equally well.
    """
    fitting = [candidate for candidate in candidates if len(candidate.arguments) == len(arguments)]
    tried = [SqlType(argument.name, array=argument.array) for argument in arguments]
    if len(tried) == 2:
        if tried[0] == UNKNOWN:
            tried[0] = tried[1]
        elif tried[1] == UNKNOWN:
            tried[1] = tried[0]
    for operands in (tried, [_plain(base_type(found, catalog)) for found in tried]):
        keys = tuple(key_of(found, catalog) for found in operands)
        for candidate in fitting:
            if candidate.arguments == keys and UNKNOWN not in operands:
                return candidate
    return _choose(fitting, list(arguments), catalog, version)


def _choose(candidates: list[Routine], arguments: list[SqlType], catalog: Catalog, version: int) -> Routine | None:
    keys = tuple(key_of(_plain(argument), catalog) for argument in arguments)
    for candidate in candidates:
        if candidate.arguments == keys and not candidate.spread:
            return candidate
    for candidate in candidates:
        if candidate.arguments == keys:
            return candidate
    usable = [
        candidate
        for candidate in candidates
        if all(
            _fits(argument, word, catalog, version)
            for argument, word in zip(arguments, candidate.arguments, strict=True)
        )
        and consistent(candidate.arguments, arguments, catalog, version)
    ]
    if len(usable) <= 1:
        return usable[0] if usable else None
    return _best(usable, arguments, catalog)


def _plain(found: SqlType) -> SqlType:
    return SqlType(found.name, array=found.array)


def _fits(argument: SqlType, word: str, catalog: Catalog, version: int) -> bool:
    if word == "any" or word in POLYMORPHIC or argument == UNKNOWN:
        return True
    path = find_cast(_plain(argument), from_key(word, catalog), catalog, version)
    return path is not None and path.context is CastContext.IMPLICIT


def _best(candidates: list[Routine], arguments: list[SqlType], catalog: Catalog) -> Routine:
    """Narrow candidates down as ``func_select_candidate`` in PostgreSQL's parse_func.c does."""
    bases = [_plain(base_type(argument, catalog)) for argument in arguments]
    keys = [key_of(base, catalog) for base in bases]
    known = [number for number, base in enumerate(bases) if base != UNKNOWN]
    categories = [type_facts(base, catalog).category for base in bases]

    def exact(candidate: Routine) -> int:
        return sum(candidate.arguments[number] == keys[number] for number in known)

    candidates = _most(candidates, exact)
    if len(candidates) == 1:
        return candidates[0]

    def preferred(candidate: Routine) -> int:
        return sum(
            candidate.arguments[number] == keys[number]
            or _is_preferred(candidate.arguments[number], categories[number], catalog)
            for number in known
        )

    candidates = _most(candidates, preferred)
    if len(candidates) == 1:
        return candidates[0]
    unknown = [number for number, base in enumerate(bases) if base == UNKNOWN]
    if not unknown:
        raise Ambiguous
    candidates = _by_category(candidates, unknown, catalog)
    if len(candidates) == 1:
        return candidates[0]
    # Last: if all known arguments are of one type, take the literals to be of it too.
    if known and len({keys[number] for number in known}) == 1:
        word = keys[known[0]]
        same = [c for c in candidates if all(_fits_word(word, c.arguments[number], catalog) for number in unknown)]
        if len(same) == 1:
            return same[0]
    raise Ambiguous


def _most(candidates: list[Routine], score: Callable[[Routine], int]) -> list[Routine]:
    scores = [score(candidate) for candidate in candidates]
    best = max(scores)
    return [candidate for candidate, own in zip(candidates, scores, strict=True) if own == best]


def _by_category(candidates: list[Routine], unknown: list[int], catalog: Catalog) -> list[Routine]:
    chosen: dict[int, tuple[str, bool]] = {}
    for number in unknown:
        slots = [_word_facts(candidate.arguments[number], catalog) for candidate in candidates]
        categories = {category for category, _ in slots}
        if "S" in categories:
            category = "S"
        elif len(categories) == 1:
            category = categories.pop()
        else:
            return candidates
        chosen[number] = (category, any(own == category and is_preferred for own, is_preferred in slots))
    kept = []
    for candidate in candidates:
        for number, (category, wants_preferred) in chosen.items():
            own, is_preferred = _word_facts(candidate.arguments[number], catalog)
            if own != category or (wants_preferred and not is_preferred):
                break
        else:
            kept.append(candidate)
    return kept or candidates


def _word_facts(word: str, catalog: Catalog) -> tuple[str, bool]:
    facts = type_facts(from_key(word, catalog), catalog)
    return facts.category, facts.preferred


def _is_preferred(word: str, category: str, catalog: Catalog) -> bool:
    own, is_preferred = _word_facts(word, catalog)
    return is_preferred and own == category


def _fits_word(source: str, target: str, catalog: Catalog) -> bool:
    return target in {"any", *POLYMORPHIC} or _fits(from_key(source, catalog), target, catalog, catalog.version)

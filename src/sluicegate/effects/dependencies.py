"""What would go along with a dropped object, and what forbids the drop: ``pg_depend`` worked out from the catalog."""

from __future__ import annotations

import threading
from collections import defaultdict
from typing import TYPE_CHECKING, Any, NamedTuple

from sluicegate.catalog.builtins import VECTOR
from sluicegate.effects.dependency_edges import EdgeReader, Edges
from sluicegate.effects.things import Need, Sort, Thing, extension_thing, function_thing, relation_thing, schema_thing

if TYPE_CHECKING:
    from collections.abc import Hashable, Iterable, Iterator, Mapping

    from sluicegate.catalog.model import Catalog
    from sluicegate.effects.dependency_edges import Object

__all__ = [
    "Dependencies",
    "Need",
    "Removal",
    "Sort",
    "Thing",
    "extension_thing",
    "function_thing",
    "relation_thing",
    "schema_thing",
]


class Removal(NamedTuple):
    """What a drop takes away.

    Attributes:
        asked: what the statement names.
        along: what goes silently or by CASCADE.
        blockers: what depends on it and stops the drop without CASCADE.
    """

    asked: frozenset[Thing]
    along: frozenset[Thing]
    blockers: frozenset[Thing]

    @property
    def everything(self) -> frozenset[Thing]:
        """Return all that is gone."""
        return self.asked | self.along


_MAPPINGS = ("relations", "indexes", "types", "functions", "extensions")

_Key = tuple[str, "Hashable"]
"""A mapping of the catalog, and a key in it."""


class Dependencies:
    """The dependencies of one catalog after another, as edges from a thing to what depends on it.

    A history is judged statement by statement, and few objects change between two of them. So moving on to the next
    catalog reads the edges of those alone that are another value than before, and of those that looked up a name
    whose meaning may have changed. Values of a catalog never change, so one that is the same object is the same.
    """

    def __init__(self, catalog: Catalog, search_path: tuple[str, ...]) -> None:
        self._path = search_path
        # Copies: a mapping of a catalog that is still a draft changes in place.
        self._values: dict[str, dict[Hashable, Object]] = {field: {} for field in _MAPPINGS}
        self._edges: dict[_Key, Edges] = {}
        self._interested: dict[str, set[_Key]] = defaultdict(set)
        self._unfixed: set[_Key] = set()
        self._dependents: dict[Thing, dict[_Key, list[tuple[Thing, Need]]]] = defaultdict(dict)
        self._owners: dict[Thing, dict[_Key, list[Thing]]] = defaultdict(dict)
        self.whole = _whole(catalog)
        self._move_to(catalog)

    @classmethod
    def of(cls, catalog: Catalog, search_path: tuple[str, ...]) -> Dependencies:
        """Return a catalog's dependencies; they hold until the same thread asks for another catalog's."""
        known: dict[tuple[str, ...], Dependencies] = _latest.__dict__.setdefault("known", {})
        found = known.pop(search_path, None)
        if found is None or found.whole != _whole(catalog):
            found = cls(catalog, search_path)
        else:
            try:
                found._move_to(catalog)
            except BaseException:
                known.clear()  # half moved
                raise
        known[search_path] = found
        while len(known) > _KEPT:
            del known[next(iter(known))]
        return found

    def required_by(self, thing: Thing) -> Thing | None:
        """Return the thing that this one is an inner part of, which forbids dropping it alone."""
        owners = {owner for several in self._owners.get(thing, {}).values() for owner in several}
        if len(owners) < 2:
            return next(iter(owners), None)
        # The server names the one that pg_depend has first, which is the one first made.
        return next(on for key in self._in_order() for on in self._on(key) if on in owners)

    def removal(self, asked: Iterable[Thing]) -> Removal:
        """Return what goes when these things are dropped.

        Source: ``findDependentObjects`` and ``reportDependentObjects`` in PostgreSQL's dependency.c: a thing that some
        path of automatic dependencies reaches never stops a drop.
        """
        originals = frozenset(asked)
        reached: dict[Thing, Need] = dict.fromkeys(originals, Need.INTERNAL)
        pending = list(originals)
        while pending:
            thing = pending.pop()
            for dependent, need in self._on_it(thing):
                if dependent not in reached:
                    reached[dependent] = need
                    pending.append(dependent)
                else:
                    reached[dependent] = max(reached[dependent], need)
        return Removal(
            originals,
            frozenset(reached) - originals,
            frozenset(thing for thing, need in reached.items() if need is Need.NORMAL and thing not in originals),
        )

    def _on_it(self, thing: Thing) -> Iterator[tuple[Thing, Need]]:
        for several in self._dependents.get(thing, {}).values():
            yield from several

    def _in_order(self) -> Iterator[_Key]:
        return ((field, key) for field in _MAPPINGS for key in self._values[field])

    def _on(self, key: _Key) -> Iterator[Thing]:
        return (edge.on for edge in self._edges[key].edges)

    # -- moving on -----------------------------------------------------------------------------------------------

    def _move_to(self, catalog: Catalog) -> None:
        changed: set[_Key] = set()
        names: set[str] = set()
        for field in _MAPPINGS:
            before, now = self._values[field], getattr(catalog, field)
            for key in _different(before, now):
                changed.add((field, key))
                for value in (before.get(key), now.get(key)):
                    names |= _names_of(key, value)
            self._values[field] = dict(now)
        if not changed:
            return
        for name in names:
            changed |= self._interested.get(name, set())
        changed |= self._unfixed
        reader = EdgeReader(catalog, self._path)
        for one in changed:
            self._forget(one)
        for field, key in changed:
            value = self._values[field].get(key)
            if value is not None:
                self._keep((field, key), reader.read(value))

    def _forget(self, key: _Key) -> None:
        edges = self._edges.pop(key, None)
        if edges is None:
            return
        for edge in edges.edges:
            _take(self._dependents, edge.on, key)
            _take(self._owners, edge.dependent, key)
        for name in edges.names:
            self._interested[name].discard(key)
            if not self._interested[name]:
                del self._interested[name]
        self._unfixed.discard(key)

    def _keep(self, key: _Key, edges: Edges) -> None:
        self._edges[key] = edges
        for edge in edges.edges:
            self._dependents[edge.on].setdefault(key, []).append((edge.dependent, edge.need))
            if edge.need is Need.INTERNAL:
                self._owners[edge.dependent].setdefault(key, []).append(edge.on)
        for name in edges.names:
            self._interested[name].add(key)
        if not edges.fixed:
            self._unfixed.add(key)


def _take(held: dict[Thing, dict[_Key, Any]], thing: Thing, key: _Key) -> None:
    if (several := held.get(thing)) is not None:
        several.pop(key, None)
        if not several:
            del held[thing]


_KEPT = 4  # search paths; a history has one, a dump two
_latest = threading.local()


def _whole(catalog: Catalog) -> tuple[int, bool]:
    """Return what all mentions of a catalog depend on."""
    return catalog.version, VECTOR in catalog.extensions


def _different(before: Mapping[Hashable, Object], now: Mapping[Hashable, Object]) -> list[Hashable]:
    """Return the keys whose values are others, or are in only one of the mappings."""
    found = [key for key, value in now.items() if before.get(key) is not value]
    if len(before) + sum(key not in before for key in found) != len(now):
        found += [key for key in before if key not in now]
    return found


def _names_of(key: Hashable, value: object) -> set[str]:
    """Return the names that mean an object; an index is also asked for by its table's name."""
    names = {getattr(key, "name", str(key))}
    table = getattr(value, "table", None)
    return names if table is None else names | {table.name}

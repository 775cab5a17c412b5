"""The levels of a query and the tables read at each: what decides how a table is read."""

from __future__ import annotations

import enum
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from postgast import pg_query_pb2 as pg

from sluicegate.statements.nodes import unwrap

if TYPE_CHECKING:
    from sluicegate.catalog.model import Relation
    from sluicegate.effects.model import LockMode
    from sluicegate.effects.scopes import Scope, Source


class Stage(enum.IntEnum):
    """How far the server takes a query."""

    ANALYZED = 1
    PLANNED = 2
    EXECUTED = 3


@dataclass
class Level:
    """One level of a query, with what decides how its tables are read.

    Attributes:
        scope: its names.
        conditions: the conjuncts of WHERE and of inner joins.
        joined: the conjuncts of outer joins, each with the entries of the side that may stay empty.
        limited: whether LIMIT stops it early.
        grouped: whether it groups, aggregates or makes rows distinct, so that it reads all of them.
        by_groups: whether it has GROUP BY or DISTINCT.
        order: the expressions of ORDER BY.
        targets: its output expressions.
        link: how it hangs in the level above: empty at the top, else ``exists``, ``expression`` or ``membership``.
        filtering: whether it stands in the WHERE of the level above, where it becomes a join.
    """

    scope: Scope
    conditions: list[Any] = field(default_factory=list)
    joined: list[tuple[Any, list[Source]]] = field(default_factory=list)
    limited: bool = False
    grouped: bool = False
    by_groups: bool = False
    order: list[Any] = field(default_factory=list)
    targets: list[Any] = field(default_factory=list)
    link: str = ""
    filtering: bool = False
    outer: Level | None = None


@dataclass
class Read:
    """One table of a FROM list, or the target of a change.

    Attributes:
        unused: whether it stands in a WITH query that nothing refers to.
        sampled: whether TABLESAMPLE SYSTEM picks some of its pages.
    """

    relation: Relation
    source: Source
    level: Level
    mode: LockMode
    only: bool = False
    target: bool = False
    unused: bool = False
    sampled: bool = False


def conjuncts(node: Any) -> list[Any]:
    """Return the parts of a condition that AND joins."""
    inner = unwrap(node)
    if isinstance(inner, pg.BoolExpr) and inner.boolop == pg.AND_EXPR:
        return [part for argument in inner.args for part in conjuncts(argument)]
    return [inner] if inner is not None and inner.ListFields() else []

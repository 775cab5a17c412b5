"""What an expression is, as far as the schema alone tells."""

from __future__ import annotations

import enum
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from sluicegate.catalog.model import Volatility

if TYPE_CHECKING:
    from sluicegate.catalog.model import Name, SqlType


@dataclass(frozen=True, slots=True)
class Meaning:
    """An expression's type and what evaluating it involves.

    Attributes:
        type: its type; ``unknown`` for a string literal that nothing has typed yet, None when it cannot be told.
        volatility: the most volatile thing in it after the planner folded and inlined what it can; None when a
            function in it is not known.
        constant: whether the planner folds it to a constant.
        literal: the text of a string literal or typed constant, where it is one.
        null: whether it is the constant NULL.
        fields: of a ROW(…), what stands in it.
    """

    type: SqlType | None
    volatility: Volatility | None = Volatility.IMMUTABLE
    constant: bool = False
    literal: str | None = None
    null: bool = False
    fields: tuple[Meaning, ...] | None = None


class Place(enum.Enum):
    """Where an expression stands: what the server calls the place, alone and in general."""

    QUERY = ("query", "queries")
    DEFAULT = ("DEFAULT expression", "DEFAULT expressions")
    CHECK = ("check constraint", "check constraints")
    GENERATED = ("column generation expression", "column generation expressions")
    INDEX = ("index expression", "index expressions")
    PREDICATE = ("index predicate", "index predicates")
    STATISTICS = ("statistics expression", "statistics expressions")
    TRANSFORM = ("transform expression", "transform expressions")
    TRIGGER = ("trigger WHEN condition", "trigger WHEN conditions")
    BOUND = ("partition bound", "partition bounds")
    PARTITION_KEY = ("partition key expression", "partition key expressions")
    POLICY = ("policy expression", "policy expressions")

    @property
    def allows_queries(self) -> bool:
        """Tell whether a subquery may stand there."""
        return self in {Place.QUERY, Place.POLICY}


class Invalid(Exception):  # noqa: N818 - an answer, not a failure of ours
    """The server rejects the expression."""

    def __init__(self, sqlstate: str, message: str) -> None:
        self.sqlstate = sqlstate
        self.message = message
        super().__init__(f"{sqlstate}: {message}")


@dataclass
class Notes:
    """What was met on the way through an expression; ``failures`` come when it is evaluated.

    ``fields`` are the attributes of composite types that are taken out of a value.
    """

    unknowns: list[str] = field(default_factory=list)
    columns: dict[str, None] = field(default_factory=dict)
    failures: list[Invalid] = field(default_factory=list)
    fields: list[tuple[Name, str]] = field(default_factory=list)

    def unknown(self, phrase: str) -> None:
        """Note something that is not known."""
        if phrase not in self.unknowns:
            self.unknowns.append(phrase)
